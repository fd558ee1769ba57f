// HTTP/1.1 and 1.0 over stateless TCP: files from memory, and what a conventional server behind says.
// An answer is a function of the request, of the file and of the date in it, so whoever repeats a request gets the same
// bytes: the identity of an answer names the file's version and the date. Units: bytes, seconds since 1970.
// Ownership: borrows the published files. Thread: one instance a core, that core only. Errors: HTTP's own.
// Sources: RFC 9110, RFC 9112.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/counter.h"
#include "lib/files/file_store.h"
#include "lib/service/service.h"
#include "lib/service/stream_service.h"
#include "lib/services/http/access_log.h"
#include "lib/services/http/date.h"
#include "lib/services/http/gateway.h"
#include "lib/services/http/request.h"

namespace gl::http {

// Every name is a counter of each core.
#define GL_HTTP_COUNTERS(X)                                                          \
  X(requests, "requests, those that were repeated included")                         \
  X(ok, "answers with 200 or 204")                                                   \
  X(partial, "answers with 206")                                                     \
  X(redirected, "answers with 301")                                                  \
  X(not_modified, "answers with 304")                                                \
  X(bad_requests, "requests refused as malformed, or as something else than HTTP/1") \
  X(not_found, "answers with 404")                                                   \
  X(not_allowed, "answers with 405")                                                 \
  X(other_errors, "answers with any other error")                                    \
  X(too_large, "files that are longer than an answer may be, asked for as a whole")  \
  X(long_answers, "answers beyond 64 KiB, each time that one is begun")              \
  X(continued, "answers given again, unchanged")                                     \
  X(unrepeatable, "begun answers of files that are no longer known")                 \
  X(unlogged, "requests that the access log has no room for")                        \
  X(forwarded, "of the requests, those for a server behind")

// A directory under a name, on one port; or a server behind; or both: what is no file is asked of the server.
struct Site {
  static constexpr std::size_t kNoRoot = SIZE_MAX;
  std::string host;                               // lower case, without a port; empty: whatever name is asked for
  std::size_t root = 0;                           // among the directories of the store
  std::optional<unsigned> origin = std::nullopt;  // among the servers behind
  std::string health;  // a path that is answered with 200 whatever the directory holds, with 503 before the end
};

class HttpService;

// What the service is on one port.
class HttpPort final : public StreamService {
 public:
  HttpPort(HttpService& service, std::vector<Site> sites)
      : StreamService(0),
        service_(service),
        sites_(std::move(sites)),
        takes_time_(std::ranges::any_of(sites_, [](const Site& site) { return site.origin.has_value(); })) {}

  [[nodiscard]] Framed next_request(Bytes stream, bool prefix_consumed) const noexcept override;
  [[nodiscard]] Answer answer(Bytes request, MutableBytes buffer, const RequestContext& context) noexcept override;
  [[nodiscard]] std::size_t read(const Answer& answer, std::uint64_t offset, MutableBytes out) noexcept override;
  [[nodiscard]] bool takes_time() const noexcept override { return takes_time_; }
  void prepare(Bytes request, const RequestContext& context) noexcept override;
  [[nodiscard]] bool has_waiting(Bytes flow) const noexcept override;
  [[nodiscard]] bool may_close() const noexcept override { return true; }
  [[nodiscard]] bool has_long_answers() const noexcept override { return true; }
  [[nodiscard]] bool still_has(const Answer& answer) const noexcept override;
  [[nodiscard]] bool has_idempotent_requests() const noexcept override { return true; }
  [[nodiscard]] std::size_t largest_answer() const noexcept override;

 private:
  // The site that the request names; null: none of them, and none has no name.
  [[nodiscard]] const Site* site_of(std::string_view host) const noexcept;

  HttpService& service_;
  const std::vector<Site> sites_;
  const bool takes_time_;
};

class HttpService final : public Service {
 public:
  // Kept up to date by the main core.
  struct Shared {
    std::atomic<std::int64_t> unix_time{0};
    std::atomic<bool> draining{false};
  };
  // `linger_seconds`: for how long a begun answer may be gone on with.
  HttpService(const std::atomic<const files::PublishedFiles*>& published, const Shared& shared,
              std::uint32_t linger_seconds);

  // Before the first request: every `every`th is told to the main core.
  [[nodiscard]] AccessQueue& log_requests(std::uint32_t every) {
    log_ = std::make_unique<AccessQueue>(every);
    return *log_;
  }
  // Before the first request, if a site has a server behind: memory for answers, and what the main core's client takes
  // part in.
  [[nodiscard]] std::shared_ptr<GatewayJobs> open_gateway(std::size_t store_bytes, std::size_t origins) {
    gateway_ = std::make_unique<Gateway>(store_bytes, origins);
    return gateway_->jobs();
  }
  // Before the first request. The port lives as long as the service.
  [[nodiscard]] HttpPort& add_port(std::vector<Site> sites);

  [[nodiscard]] std::string_view name() const noexcept override { return "http"; }
  void begin_burst(std::uint64_t now_ms) noexcept override;
  void read_counters(CounterReader& reader) const override;
  [[nodiscard]] Suspender* suspender() noexcept override { return gateway_.get(); }

 private:
  friend class HttpPort;

  // The date in an answer is when it could first have been made: the beginning of a period of this length. A client
  // that is in the middle of an answer gets the same date with what is missing.
  static constexpr std::int64_t kDateSeconds = 1800;
  static constexpr std::uint32_t kDateMask = 0xff;

  // What a request leads to in one state of the files.
  static constexpr std::uint16_t kFound = 0;      // the file, in this form
  static constexpr std::uint16_t kForwarded = 1;  // what the server behind says
  struct Choice {
    std::uint16_t status = kFound;
    const files::File* file = nullptr;
    const files::File* plain = nullptr;  // the file itself where `file` is a compressed form of it
    std::string_view coding{};
    std::string_view path{};  // decoded
    std::uint32_t version = 0;
    std::uint32_t since = 0;  // generation
  };
  // What the head of an answer with a file says, besides its status.
  struct FileHead {
    std::uint16_t status = 200;
    std::uint32_t date = 0;
    bool http10 = false;
    bool close = false;
    const files::File* file = nullptr;
    bool varies = false;
    std::string_view coding{};
    std::uint64_t first = 0;
    std::uint64_t length = 0;
  };
  // Of an answer that is read: its head stands here, its body in the file.
  static constexpr std::size_t kMaxHead = 1024;
  struct Head {
    std::uint16_t length = 0;
    const std::uint8_t* body = nullptr;
    std::array<char, kMaxHead> text;
  };
  // Of an answer that the gateway has, as a handle: where it lies there.
  static constexpr std::uint64_t kGatewayMark = std::uint64_t{1} << 62;
  // More than one segment's requests: what a plan refers to stays until it is sent.
  static constexpr std::size_t kHeads = 512;
  static constexpr std::size_t kMaxBody = kMaxRenderedAnswer - kMaxHead;
  // A long answer is told from its handle and identity alone, for as long as the files are kept: its head is written
  // anew each time that it is read.
  struct LongAnswer {
    static constexpr std::uint64_t kMark = std::uint64_t{1} << 63;
    std::uint64_t first = 0;  // byte of the file
    std::uint16_t head = 0;   // bytes
    bool part = false;        // 206
    bool http10 = false;
    std::uint8_t coding = 0;  // files::Coding and one; 0: none
    [[nodiscard]] std::uint64_t encode() const noexcept;
    [[nodiscard]] static LongAnswer decode(std::uint64_t handle) noexcept;
  };

  [[nodiscard]] Choice choose(const files::FileSet* set, const Site* site, const Parsed& parsed,
                              std::span<char> room) const noexcept;
  [[nodiscard]] Answer answer(Bytes bytes, const Parsed& parsed, const Site* site, MutableBytes buffer,
                              const RequestContext& context) noexcept;
  [[nodiscard]] Answer forward(Bytes bytes, const Request& request, unsigned origin,
                               const RequestContext& context) noexcept;
  [[nodiscard]] Answer relay(const Gateway::Reply& reply, const Request& request,
                             const RequestContext& context) noexcept;
  [[nodiscard]] bool find_begun(Choice& choice, std::uint32_t& date, const Site* site, const Parsed& parsed,
                                const RequestContext& context, std::span<char> room) const noexcept;
  [[nodiscard]] bool was_always(const Choice& choice, const Site* site, const Parsed& parsed,
                                std::span<char> room) const noexcept;
  [[nodiscard]] Answer answer_status(const Request& request, const Choice& choice, std::uint32_t date, bool close,
                                     MutableBytes buffer) noexcept;
  [[nodiscard]] Answer answer_file(const Request& request, const Choice& choice, std::uint32_t date, bool any_length,
                                   MutableBytes buffer) noexcept;
  [[nodiscard]] Answer answer_long(FileHead says, const Choice& choice) noexcept;
  std::size_t write_file_head(const FileHead& says, std::span<char> room) const noexcept;
  [[nodiscard]] const files::File* file_of(std::uint32_t version) const noexcept;
  [[nodiscard]] std::size_t read_long(const Answer& answer, std::uint64_t offset, MutableBytes out) const noexcept;
  [[nodiscard]] DateText date_of(std::uint32_t index) const noexcept;
  void count(std::uint16_t status) noexcept;
  void log(Bytes request, const RequestContext& context) noexcept;

  const std::atomic<const files::PublishedFiles*>& published_;
  const Shared& shared_;
  const std::int64_t linger_;
  const files::PublishedFiles* files_ = nullptr;
  std::int64_t now_ = 0;
  const std::int64_t started_;
  std::uint32_t date_ = 0;
  DateText date_text_{};
#define X(name, help) Counter name##_;
  GL_HTTP_COUNTERS(X)
#undef X
  std::vector<std::unique_ptr<HttpPort>> ports_;
  std::unique_ptr<AccessQueue> log_;  // null: no access log
  std::unique_ptr<Gateway> gateway_;  // null: no server behind
  // Of the answer made last.
  std::uint16_t last_status_ = 0;
  std::uint64_t last_body_ = 0;  // bytes
  std::unique_ptr<std::array<Head, kHeads>> heads_;
  std::size_t next_head_ = 0;
  // What was looked up last: the segments of a long answer follow one another.
  mutable std::uint32_t found_version_ = 0;
  mutable const files::File* found_file_ = nullptr;
};

}  // namespace gl::http
