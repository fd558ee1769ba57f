// TFTP: files from memory, each over a port of its own (TID).
// Requests come to the service's port, everything else to the TIDs. An ACK proves that its sender has received from us,
// since nobody else knows the TID; from then on the server repeats what is lost. Before that a first packet goes out
// for each request, and by a timer only as long as all of them are no more than three times the requests: an OACK twice
// or so, a DATA of 512 bytes never; there the client repeats its request, or its ACK. Units: bytes, milliseconds.
// Ownership: borrows the published files and the registry. Thread: one instance a core, that core only. Errors: the
// protocol's. Sources: RFC 1350, RFC 1123 section 4.2, RFC 2347 to 2349, RFC 7440.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>

#include "lib/base/counter.h"
#include "lib/files/file_store.h"
#include "lib/service/registry.h"
#include "lib/services/tftp/transfers.h"
#include "lib/services/tftp/upload.h"

namespace gl::tftp {

// Every name is a counter of each core.
#define GL_TFTP_COUNTERS(X)                                                            \
  X(requests, "requests, those that were repeated included")                           \
  X(repeated_requests, "requests for a transfer that was offered already")             \
  X(offered, "transfers that were offered: OACK, or the first DATA")                   \
  X(established, "transfers whose client has shown that it receives")                  \
  X(finished, "transfers whose last block was acknowledged")                           \
  X(written, "files that clients have written, and that have their name")              \
  X(blocks, "DATA packets, those that were sent again included")                       \
  X(timeouts, "windows that were sent again because no ACK came in time")              \
  X(rewinds, "windows that were sent again because an ACK named a block inside")       \
  X(repeated_acks, "ACKs that came before: they draw nothing")                         \
  X(outside_acks, "ACKs of blocks that are not under way: they draw nothing")          \
  X(unknown_tid, "packets to a TID of nobody, or of somebody else: ERROR 5")           \
  X(not_found, "requests for files that are not there: ERROR 1")                       \
  X(access_violations, "requests that may not write, or whose name has `..`: ERROR 2") \
  X(file_exists, "requests to write a file that is there: ERROR 6")                    \
  X(disk_full, "files that are longer than may be written, or found no room: ERROR 3") \
  X(illegal_operations, "requests that are none, or of another mode: ERROR 4")         \
  X(bad_options, "requests with an option that cannot be so: ERROR 8")                 \
  X(too_long, "files of more blocks than there are numbers, with wrap=refuse")         \
  X(aborted, "transfers that the client has ended by an ERROR")                        \
  X(expired, "offered transfers of which nothing more was heard")                      \
  X(gave_up, "transfers whose client was silent for too long")                         \
  X(gone, "transfers whose file was replaced and is not kept any more")                \
  X(too_big, "transfers whose blocks are longer than the way to the client carries")   \
  X(evicted, "offered or finished transfers that made room for another one")           \
  X(table_full, "requests that found no room: dropped, the client repeats them")       \
  X(server_ports, "requests from a port of another service: dropped, they might loop") \
  X(malformed, "packets that are too short, or none of TFTP's: dropped")               \
  X(queue_full, "blocks and requests that the main core was too slow to be told of")   \
  X(unexpected, "packets that do not belong where they came: dropped")

class TftpService;

// Where requests come.
class RequestPort final : public DatagramService {
 public:
  // A first DATA without options: the only answer that is more than three times as long as what may draw it.
  static constexpr std::size_t kFirstData = kHeader + kDefaultBlksize;
  explicit RequestPort(TftpService& service) noexcept : DatagramService({.fixed = kFirstData}), service_(service) {}
  void receive(const Datagram& datagram, DatagramSink& sink) noexcept override;

 private:
  TftpService& service_;
};

// The TIDs.
class TransferPorts final : public DatagramService {
 public:
  TransferPorts(TftpService& service, const SharedOutPorts& ports) noexcept
      : DatagramService({.factor = 3}, false, ports), service_(service) {}
  void receive(const Datagram& datagram, DatagramSink& sink) noexcept override;
  [[nodiscard]] bool too_big(const Datagram& to) noexcept override;

 private:
  TftpService& service_;
};

class TftpService final : public Service {
 public:
  struct Settings {
    std::size_t root = 0;  // among the directories of the store
    std::uint16_t mtu = 1500;
    std::uint16_t blksize = kMaxBlksize;  // at most, by the operator; the MTU may allow less
    std::uint16_t windowsize = 64;        // likewise
    Wrap wrap = Wrap::zero;
    std::uint32_t transfers = 1024;
    SharedOutPorts tids{};
    unsigned core = 0;
    bool writes = false;
    std::uint64_t most_written = 0;  // bytes of a file
  };
  TftpService(const std::atomic<const files::PublishedFiles*>& published, const Settings& settings,
              const Registry& registry);

  // To be registered on the service's port, and on the range of the TIDs.
  [[nodiscard]] RequestPort& request_port() noexcept { return request_port_; }
  [[nodiscard]] TransferPorts& transfer_ports() noexcept { return transfer_ports_; }
  // With `writes`: for the main core.
  [[nodiscard]] UploadQueues& uploads() noexcept { return *uploads_; }

  [[nodiscard]] std::string_view name() const noexcept override { return "tftp"; }
  void begin_burst(std::uint64_t now_ms) noexcept override;
  void read_counters(CounterReader& reader) const override;
  [[nodiscard]] bool has_deadlines() const noexcept override { return true; }
  [[nodiscard]] std::uint64_t next_deadline() const noexcept override { return transfers_.next_deadline(); }
  void on_time(std::uint64_t now_ms, DatagramSender& sender) noexcept override;

 private:
  static constexpr std::uint64_t kOfferedFor = 60'000;  // ms: clients repeat an ACK that is lost some times
  static constexpr std::uint32_t kFirstPause = 1000;    // ms, then twice as long
  static constexpr std::size_t kMostDrawn = 3;          // times the bytes of its requests, the first DATA apart
  static constexpr std::uint64_t kDallyFor = 5'000;     // ms

  friend class RequestPort;
  friend class TransferPorts;

  void on_request(const Datagram& datagram, DatagramSink& sink) noexcept;
  void read_file(const Datagram& datagram, const Request& request, DatagramSink& sink) noexcept;
  // Null: there is no room. `again`: the same request has come before, and was answered with this one.
  [[nodiscard]] Transfer* offer(const Datagram& datagram, std::uint32_t version, bool& again) noexcept;
  void on_transfer(const Datagram& datagram, DatagramSink& sink) noexcept;
  [[nodiscard]] bool on_too_big(const Datagram& to) noexcept;
  void end(Transfer& transfer) noexcept;
  template <class Out>
  std::size_t send_first(Transfer& transfer, Out out) noexcept;
  void on_offered_deadline(Transfer& transfer, DatagramSender& sender) noexcept;
  void on_ack(Transfer& transfer, std::uint16_t number, DatagramSink& sink) noexcept;
  void on_deadline(Transfer& transfer, std::uint64_t now_ms, DatagramSender& sender) noexcept;
  void end_too_big(Transfer& transfer, DatagramSender& sender) noexcept;
  void refuse(const Datagram& datagram, const ParsedRequest& parsed, DatagramSink& sink) noexcept;
  [[nodiscard]] Limits limits_for(const Datagram& datagram) const noexcept;

  // ---- write.cc ----
  void write_file(const Datagram& datagram, const Request& request, DatagramSink& sink) noexcept;
  void on_data(Transfer& transfer, const Datagram& datagram, DatagramSink& sink) noexcept;
  void take_results(DatagramSender& sender) noexcept;
  void on_write_deadline(Transfer& transfer, WriteTransfer& write, DatagramSender& sender) noexcept;
  [[nodiscard]] bool tell(const Transfer& transfer, UploadJob::Kind kind, Bytes bytes,
                          Mode mode = Mode::octet) noexcept;

  template <class Out>
  std::size_t send_window(Transfer& transfer, const files::File& file, Out out) noexcept;

  [[nodiscard]] std::uint64_t hash(Bytes packet) const noexcept;

  const std::atomic<const files::PublishedFiles*>& published_;
  const Settings settings_;
  const Registry& registry_;
  const files::PublishedFiles* files_ = nullptr;
  std::uint64_t now_ = 0;
  Transfers transfers_;
  std::unique_ptr<UploadQueues> uploads_;  // null: nothing is written
  std::uint64_t next_serial_ = 1;
  std::array<std::uint8_t, 16> key_;  // of hash()
#define X(name, help) Counter name##_;
  GL_TFTP_COUNTERS(X)
#undef X
  RequestPort request_port_;
  TransferPorts transfer_ports_;
};

}  // namespace gl::tftp
