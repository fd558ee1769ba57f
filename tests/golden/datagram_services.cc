#include "tests/golden/datagram_services.h"

#include <stdlib.h>

#include <fstream>
#include <stdexcept>
#include <utility>

#include "lib/services/talk/text.h"

namespace gl::golden {
namespace {

namespace fs = std::filesystem;

constexpr std::uint16_t kTalk = 5432, kSum = 5434, kOnce = 5435, kTftp = 69;
constexpr SharedOutPorts kTids{49152, 65535, 1};
constexpr std::size_t kRoom = 1472;

class Sink final : public DatagramSink {
 public:
  Sink(MutableBytes room, std::size_t allowance) : DatagramSink(room, allowance), first_(room) {}
  [[nodiscard]] std::vector<SentDatagram> sent() {
    if (sent_one()) {
      const auto end = first_.begin() + static_cast<std::ptrdiff_t>(first_length());
      sent_.insert(sent_.begin(), {first_port(), Wire(first_.begin(), end)});
    }
    return std::move(sent_);
  }

 private:
  MutableBytes further_room() noexcept override { return further_; }
  bool send_further(std::uint16_t port, std::size_t length) noexcept override {
    sent_.push_back({port, Wire(further_.begin(), further_.begin() + static_cast<std::ptrdiff_t>(length))});
    return true;
  }
  bool refuse() noexcept override { return false; }

  MutableBytes first_;
  std::array<std::uint8_t, kRoom> further_{};
  std::vector<SentDatagram> sent_;
};

class Sender final : public DatagramSender {
 public:
  std::vector<SentDatagram> sent;

 private:
  MutableBytes room(const Peer&) noexcept override { return room_; }
  void send(const Peer&, std::uint16_t port, std::size_t length) noexcept override {
    sent.push_back({port, Wire(room_.begin(), room_.begin() + static_cast<std::ptrdiff_t>(length))});
  }
  std::array<std::uint8_t, kRoom> room_{};
};

struct Sum final : CounterReader {
  explicit Sum(std::string_view which) : name(which) {}
  void read(std::string_view each, std::uint64_t is, std::string_view) override {
    if (each != name) return;
    value += is;
    found = true;
  }
  std::string_view name;
  std::uint64_t value = 0;
  bool found = false;
};

void want(bool holds, const char* what) {
  if (!holds) throw std::runtime_error(what);
}

}  // namespace

DatagramServices::DatagramServices() {
  std::string name = (fs::temp_directory_path() / "gl-datagrams-XXXXXX").string();
  want(mkdtemp(name.data()) != nullptr, "no directory");
  root_ = name;
  std::ofstream(root_ / "file") << std::string(700, 'f');
  auto read = files::read_directories({{root_.string()}}, files::MediaTypes::read(), 1 << 20, nullptr);
  want(read.ok(), "the file cannot be read");
  files_ = std::move(read->set);
  published_.current = files_.get();

  rpc_shared_.allowed = {parse_network("192.0.2.0/24").value()};
  rpc_shared_.mappings = &mappings_;
  mappings_.add({onc_rpc::kRpcbindProgram, 2, onc_rpc::Transport::udp, onc_rpc::kRpcbindPort});
  rpc_ = std::make_unique<onc_rpc::OncRpcService>(rpc_shared_, registry_);
  once_shared_.server_boot = 7;
  once_ = std::make_unique<rpc_once::RpcOnceService>(once_shared_, registry_, 64);
  tftp_ = std::make_unique<tftp::TftpService>(pointer_, tftp::TftpService::Settings{.transfers = 4, .tids = kTids},
                                              registry_);

  want(registry_.add(kTalk, talk_) && registry_.add(kSum, sum_) && registry_.add(kOnce, *once_) &&
           registry_.add_datagram({onc_rpc::kRpcbindPort, onc_rpc::kRpcbindPort}, *rpc_) &&
           registry_.add_datagram({kTftp, kTftp}, tftp_->request_port()) &&
           registry_.add_datagram({kTids.first, kTids.last}, tftp_->transfer_ports()),
       "a port is taken");
  for (Service* const service : std::initializer_list<Service*>{&talk_, &sum_, rpc_.get(), once_.get(), tftp_.get()}) {
    want(registry_.add(*service), "too many services");
  }
}

DatagramServices::~DatagramServices() {
  fs::remove_all(root_);
}

std::vector<SentDatagram> DatagramServices::give(std::uint16_t from, std::uint16_t to, const Wire& payload) {
  static constexpr std::array<std::uint8_t, 4> kClient = {192, 0, 2, 1}, kOurs = {192, 0, 2, 53};
  static constexpr std::array<std::uint8_t, 14> kLink = {};
  DatagramService* const service = registry_.datagram(to);
  if (service == nullptr) throw std::runtime_error("nothing listens on port " + std::to_string(to));
  std::array<std::uint8_t, kRoom> room{};
  Sink sink(room, service->allowance(payload.size()));
  Datagram datagram{.peer = kClient.data(), .local = kOurs.data(), .link = kLink.data(), .address_length = 4};
  datagram.link_length = kLink.size();
  datagram.peer_port = from;
  datagram.local_port = to;
  datagram.path_mtu = 1500;
  datagram.payload = payload;
  registry_.begin_burst(now_);
  service->receive(datagram, sink);
  main_core();
  return sink.sent();
}

std::vector<SentDatagram> DatagramServices::wait(std::uint64_t milliseconds) {
  Sender sender;
  for (const std::uint64_t end = now_ + milliseconds; now_ < end;) {
    registry_.begin_burst(++now_);
    if (registry_.is_due(now_)) registry_.on_time(now_, sender);
  }
  return std::move(sender.sent);
}

void DatagramServices::main_core() {
  for (services::TalkService::Message message; talk_.pop(message);) {
    said_.push_back(services::talk_lines("192.0.2.1", message.peer_port, {message.text.data(), message.length}));
  }
  for (rpc_once::RpcOnceService::Execution execution; once_->take(execution);) {
    once_->finish({execution.handle, rpc_once::ReplyStatus::success, ++once_shared_.lines});
  }
}

std::vector<std::string> DatagramServices::said() {
  return std::exchange(said_, {});
}

std::uint64_t DatagramServices::counter(std::string_view name) const {
  Sum sum(name);
  for (const Service* const service : registry_.services()) service->read_counters(sum);
  if (!sum.found) throw std::runtime_error("no counter is named " + std::string(name));
  return sum.value;
}

}  // namespace gl::golden
