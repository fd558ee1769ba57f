// The services over UDP of one core and of its main core, to be asked by datagrams that a text gives: simplex-talk, the
// sum, RPC with ACK, rpcbind and TFTP, each on its usual port, with a file of 700 bytes to read.
// Units: milliseconds, of a clock that only wait() moves. Ownership: owns the services. Thread: the test's.
#pragma once

#include <array>
#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lib/service/registry.h"
#include "lib/services/onc_rpc/service.h"
#include "lib/services/rpc_once/rpc_once.h"
#include "lib/services/sum/sum.h"
#include "lib/services/talk/talk.h"
#include "lib/services/tftp/tftp.h"

namespace gl::golden {

using Wire = std::vector<std::uint8_t>;

struct SentDatagram {
  std::uint16_t port = 0;  // of ours
  Wire payload;
  bool operator==(const SentDatagram&) const = default;
};

class DatagramServices {
 public:
  DatagramServices();
  ~DatagramServices();
  DatagramServices(const DatagramServices&) = delete;
  DatagramServices& operator=(const DatagramServices&) = delete;

  // What is sent at once upon a datagram of 192.0.2.1 to this port of ours.
  [[nodiscard]] std::vector<SentDatagram> give(std::uint16_t from, std::uint16_t to, const Wire& payload);
  // What is sent while so much time passes. The main core has its turn first.
  [[nodiscard]] std::vector<SentDatagram> wait(std::uint64_t milliseconds);
  // What simplex-talk has printed since, a line each.
  [[nodiscard]] std::vector<std::string> said();
  // A counter, of whichever service has one of that name; of several the sum.
  [[nodiscard]] std::uint64_t counter(std::string_view name) const;

 private:
  void main_core();

  std::filesystem::path root_;
  std::unique_ptr<const files::FileSet> files_;
  files::PublishedFiles published_;
  std::atomic<const files::PublishedFiles*> pointer_{&published_};
  Registry registry_;
  onc_rpc::Mappings mappings_;
  onc_rpc::OncRpcService::Shared rpc_shared_;
  rpc_once::RpcOnceService::Shared once_shared_;
  services::TalkService talk_;
  services::SumService sum_{true, registry_};
  std::unique_ptr<onc_rpc::OncRpcService> rpc_;
  std::unique_ptr<rpc_once::RpcOnceService> once_;
  std::unique_ptr<tftp::TftpService> tftp_;
  std::vector<std::string> said_;
  std::uint64_t now_ = 100'000;
};

}  // namespace gl::golden
