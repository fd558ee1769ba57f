#include "app/load/pcap/pcap_file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace gl::load {

namespace {
constexpr int kLongestFrame = 65535;
}

Result<PcapFile> PcapFile::create(const std::string& path) {
  PcapFile file(path);
  file.handle_.reset(pcap_open_dead(DLT_EN10MB, kLongestFrame));
  if (file.handle_ == nullptr) return file.failure("libpcap has no memory");
  file.dumper_.reset(pcap_dump_open(file.handle_.get(), path.c_str()));
  if (file.dumper_ == nullptr) return file.failure(pcap_geterr(file.handle_.get()));  // it names the file
  return file;
}

void PcapFile::add(Bytes frame, std::uint64_t time_ns) noexcept {
  pcap_pkthdr header{};
  header.ts.tv_sec = static_cast<time_t>(time_ns / 1'000'000'000);
  header.ts.tv_usec = static_cast<suseconds_t>(time_ns % 1'000'000'000 / 1000);
  header.caplen = header.len = static_cast<bpf_u_int32>(frame.size());
  pcap_dump(reinterpret_cast<u_char*>(dumper_.get()), &header, frame.data());  // says nothing: see finish()
}

Status PcapFile::finish() {
  std::FILE* const stream = pcap_dump_file(dumper_.get());
  errno = 0;
  if (pcap_dump_flush(dumper_.get()) != 0 || std::ferror(stream) != 0) {
    return failure(path_ + ": " + (errno != 0 ? std::strerror(errno) : "could not be written"));
  }
  return success();
}

}  // namespace gl::load
