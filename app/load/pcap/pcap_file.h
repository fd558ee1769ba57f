// A file of Ethernet frames in the classic pcap format with microseconds, which every generator reads; by libpcap.
// Units: nanoseconds since 1970, bytes. Ownership: the file is closed with the object. Thread: one. Errors: one line
// that names the file; what was written until then stays.
#pragma once

#include <pcap/pcap.h>

#include <cstdint>
#include <memory>
#include <string>

#include "lib/base/bytes.h"
#include "lib/base/result.h"

namespace gl::load {

class PcapFile {
 public:
  // A file of this name is replaced.
  [[nodiscard]] static Result<PcapFile> create(const std::string& path);

  void add(Bytes frame, std::uint64_t time_ns) noexcept;
  // After the last frame: whether all of it was written.
  [[nodiscard]] Status finish();

 private:
  struct Close {
    void operator()(pcap_t* handle) const noexcept { pcap_close(handle); }
    void operator()(pcap_dumper_t* dumper) const noexcept { pcap_dump_close(dumper); }
  };
  explicit PcapFile(std::string path) : path_(std::move(path)) {}
  [[nodiscard]] Error failure(const std::string& reason) const { return Error{"--write-pcap: " + reason}; }

  std::string path_;
  std::unique_ptr<pcap_t, Close> handle_;  // says what kind of frames these are
  std::unique_ptr<pcap_dumper_t, Close> dumper_;
};

}  // namespace gl::load
