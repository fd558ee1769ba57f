// The program that makes an image of a zone's text, started once a zone: goldilocks-zone. What is wrong with a text,
// and the memory and time that it takes, stay in there. Ownership: files and pipes are closed when it has ended.
// Thread: any but a worker; it blocks until the program has ended. Errors: one line that names the file.
#pragma once

#include <cstdio>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/zone/image_memory.h"
#include "lib/zone/loader.h"

namespace gl::zone {

// `text` is the open file. What the program warns of goes to `warnings`.
[[nodiscard]] Result<ImageMemory> run_compiler(const ZoneSource& source, int text, std::vector<std::string>& warnings);

// The same program, saying what records a text consists of (lib/transfer/record_text.h). Ended with its owner.
class RecordsProcess {
 public:
  RecordsProcess() = default;
  RecordsProcess(const RecordsProcess&) = delete;
  RecordsProcess& operator=(const RecordsProcess&) = delete;
  ~RecordsProcess();
  [[nodiscard]] Status start(const ZoneSource& source);
  // Where the lines come from; the caller closes it. Null: no memory. With CompilingGivenUp it is as if it could not be
  // read any more.
  [[nodiscard]] std::FILE* open_output();
  // When nothing more comes: whether that was all.
  [[nodiscard]] bool ended_well();

 private:
  int output_ = -1;
  int child_ = -1;
};

// As long as there is one, programs that run are killed, and none is started: nobody wants their images any more.
class CompilingGivenUp {
 public:
  CompilingGivenUp() noexcept;
  CompilingGivenUp(const CompilingGivenUp&) = delete;
  CompilingGivenUp& operator=(const CompilingGivenUp&) = delete;
  ~CompilingGivenUp();
};

}  // namespace gl::zone
