// Files that clients write: new ones only, collected under a name of their own and renamed when they are complete.
// Nothing is created before the first block has come, so a request alone leaves no trace. Units: bytes. Ownership: owns
// what it opens; borrows the queues. Thread: main core. Errors: to the core as the protocol's, to the operator by line.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "lib/base/result.h"
#include "lib/service/module.h"
#include "lib/services/tftp/upload.h"

namespace gl::tftp {

class UploadStore {
 public:
  UploadStore(std::string directory, std::uint64_t most) : path_(std::move(directory)), most_(most) {}
  UploadStore(const UploadStore&) = delete;
  UploadStore& operator=(const UploadStore&) = delete;
  ~UploadStore();

  // Opens the directory, and removes what an earlier run has not completed.
  [[nodiscard]] Status open();
  void add(UploadQueues& queues) { queues_.push_back(&queues); }
  // Takes what the cores have for it.
  void tick(std::uint64_t now_ms, const OperatorLog& log);

 private:
  struct Upload {
    std::string path;       // below the directory, without a slash in front
    std::string temporary;  // empty: nothing was written yet
    Mode mode = Mode::octet;
    int descriptor = -1;
    std::uint64_t size = 0;
    std::uint64_t heard = 0;  // ms, when
    bool after_cr = false;    // netascii: the last byte was a CR, which is not written yet
  };
  using Key = std::pair<std::size_t, std::uint64_t>;  // core, serial

  // Who was to say that an upload is over, and found no room in the queue.
  void expire(std::uint64_t now_ms);
  void take(std::size_t core, const UploadJob& job, const OperatorLog& log);
  void open_upload(std::size_t core, const UploadJob& job);
  void append(std::size_t core, const UploadJob& job, Upload& upload, const OperatorLog& log);
  [[nodiscard]] bool write(Upload& upload, Bytes bytes);
  [[nodiscard]] bool create(Upload& upload);
  [[nodiscard]] ErrorCode complete(Upload& upload) const;
  void discard(Upload& upload) const;
  void answer(std::size_t core, const UploadResult& result);

  const std::string path_;
  const std::uint64_t most_;
  int directory_ = -1;
  std::uint64_t next_name_ = 0;
  std::uint64_t now_ = 0;
  std::vector<UploadQueues*> queues_;  // one a core
  std::map<Key, Upload> uploads_;
};

}  // namespace gl::tftp
