#include "lib/services/http/origin_client.h"

#include <curl/curl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <system_error>
#include <utility>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/services/http/answer_text.h"
#include "lib/services/http/origin_message.h"

namespace gl::http {
namespace {

constexpr int kAwakeMs = 1;   // between looks into the queues, for a second after something happened
constexpr int kAsleepMs = 5;  // later
constexpr unsigned kCalmRounds = 1000;
constexpr long kIdleSeconds = 15;  // a connection that nobody has used for so long is not used again

// An empty value is written with a semicolon: a colon alone would mean that libcurl is to leave the field out.
std::string field_text(const std::string& name, const std::string& value) {
  return value.empty() ? name + ";" : name + ": " + value;
}

}  // namespace

struct OriginClient::Multi {
  CURLM* handle = curl_multi_init();
  Multi() = default;
  Multi(const Multi&) = delete;
  Multi& operator=(const Multi&) = delete;
  ~Multi() { curl_multi_cleanup(handle); }
};

// One request, and what has come of its response.
class OriginClient::Transfer {
 public:
  explicit Transfer(OriginClient& client) : client_(client), easy_(curl_easy_init()) {}
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;
  ~Transfer() {
    curl_slist_free_all(fields_);
    curl_easy_cleanup(easy_);
  }

  [[nodiscard]] CURL* easy() const noexcept { return easy_; }
  void begin(GatewayJobs& jobs, GatewayJob& job, const OriginSettings& settings);
  // The connection was one that holds what nobody asked for: nothing was sent, and another one is to be used.
  [[nodiscard]] bool wants_another() const noexcept { return stray_; }
  void use_another() {
    stray_ = false;
    curl_easy_setopt(easy_, CURLOPT_FRESH_CONNECT, 1L);
  }
  // The job has its answer, and goes back.
  void end(CURLcode code);

 private:
  static std::size_t on_line(char* line, std::size_t size, std::size_t count, void* self) {
    return static_cast<Transfer*>(self)->take_line({line, size * count}) ? size * count : 0;
  }
  static std::size_t on_body(char* bytes, std::size_t size, std::size_t count, void* self) {
    return static_cast<Transfer*>(self)->take_body({bytes, size * count}) ? size * count : 0;
  }
  // Before a request is sent. A response that comes before its request belongs to nobody (RFC 9112 section 9.2): the
  // server has sent more than it was asked for, and who reads on would give it to the next client.
  static int before_request(void* self, char*, char*, int, int local_port) {
    auto* const transfer = static_cast<Transfer*>(self);
    transfer->stray_ = transfer->client_.has_stray_bytes(local_port);
    return transfer->stray_ ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
  }
  [[nodiscard]] bool take_line(std::string_view line) {
    // Behind a chunked body: a trailer, which may be dropped (RFC 9110 section 6.5.1).
    if (head_.complete()) return true;
    if (!head_.take(line)) return false;
    const bool has_body = request_.method != Method::head && head_.status() != 304;
    too_long_ = head_.complete() && has_body && head_.length().value_or(0) > GatewayJob::kMaxResponse;
    return !too_long_;
  }
  [[nodiscard]] bool take_body(std::string_view bytes) {
    if (too_long_ || bytes.size() > GatewayJob::kMaxResponse - job_->body_length) return too_long_ = true, false;
    std::memcpy(job_->body.get() + job_->body_length, bytes.data(), bytes.size());
    job_->body_length += static_cast<std::uint32_t>(bytes.size());
    return true;
  }
  void set_up(const OriginSettings& settings);
  void add_field(const std::string& text) { fields_ = curl_slist_append(fields_, text.c_str()); }
  [[nodiscard]] bool write_response();
  void write_failure(std::uint16_t status, std::string_view why);

  OriginClient& client_;
  CURL* easy_;
  curl_slist* fields_ = nullptr;
  GatewayJobs* jobs_ = nullptr;
  GatewayJob* job_ = nullptr;
  Request request_{};  // views of the job's
  ResponseHead head_;
  bool too_long_ = false;
  bool stray_ = false;
};

void OriginClient::Transfer::begin(GatewayJobs& jobs, GatewayJob& job, const OriginSettings& settings) {
  jobs_ = &jobs;
  job_ = &job;
  job.body_length = 0;
  head_ = {};
  too_long_ = stray_ = false;
  curl_slist_free_all(std::exchange(fields_, nullptr));
  request_ = parse_request(job.request_bytes()).request;
  bool accepts = false;
  for (const auto& [name, value] :
       fields_to_ask_with(job.request_bytes(), address_text(job.peer.data(), job.peer_length))) {
    add_field(field_text(name, value));
    accepts |= same_word(name, "accept");
  }
  if (!accepts) add_field("Accept:");  // libcurl has one of its own
  set_up(settings);
}

void OriginClient::Transfer::set_up(const OriginSettings& settings) {
  const auto set = [this](CURLoption option, auto value) { curl_easy_setopt(easy_, option, value); };
  curl_easy_reset(easy_);
  const std::string url = "http://" + settings.origins[job_->origin] + "/";
  std::string target(request_.path);
  if (request_.has_query) target.append("?").append(request_.query);
  if (!request_.host.empty()) add_field("Host: " + std::string(request_.host));
  if (!settings.keep_alive) add_field("Connection: close");
  set(CURLOPT_URL, url.c_str());
  set(CURLOPT_REQUEST_TARGET, target.c_str());
  set(CURLOPT_HTTPHEADER, fields_);
  set(CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1});
  set(CURLOPT_NOBODY, request_.method == Method::head ? 1L : 0L);
  set(CURLOPT_PROXY, "");
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_FORBID_REUSE, settings.keep_alive ? 0L : 1L);
  set(CURLOPT_MAXAGE_CONN, kIdleSeconds);
  set(CURLOPT_TIMEOUT_MS, long{settings.timeout_ms});
  set(CURLOPT_CONNECTTIMEOUT_MS, long{settings.timeout_ms});
  set(CURLOPT_HEADERFUNCTION, &on_line);
  set(CURLOPT_HEADERDATA, static_cast<void*>(this));
  set(CURLOPT_WRITEFUNCTION, &on_body);
  set(CURLOPT_WRITEDATA, static_cast<void*>(this));
  set(CURLOPT_PRIVATE, static_cast<void*>(this));
  set(CURLOPT_PREREQFUNCTION, &before_request);
  set(CURLOPT_PREREQDATA, static_cast<void*>(this));
  using Open = curl_socket_t (*)(void*, curlsocktype, curl_sockaddr*);
  const Open open = [](void* client, curlsocktype purpose, curl_sockaddr* address) -> curl_socket_t {
    return open_socket(client, purpose, address);
  };
  set(CURLOPT_OPENSOCKETFUNCTION, open);
  set(CURLOPT_OPENSOCKETDATA, static_cast<void*>(&client_));
  set(CURLOPT_CLOSESOCKETFUNCTION, &close_socket);
  set(CURLOPT_CLOSESOCKETDATA, static_cast<void*>(&client_));
}

void OriginClient::Transfer::end(CURLcode code) {
  using End = GatewayJob::End;
  job_->end = End::answered;
  if (code == CURLE_OPERATION_TIMEDOUT) {
    job_->end = End::timed_out;
    write_failure(504, "the server behind has not answered in time");
  } else if (too_long_ || (code == CURLE_OK && head_.complete() && !write_response())) {
    job_->end = End::too_long;
    write_failure(502, "the answer of the server behind is too long: ask for ranges of it");
  } else if (code != CURLE_OK || !head_.complete()) {
    job_->end = End::failed;
    write_failure(502, "no proper answer from the server behind");
  }
  std::exchange(jobs_, nullptr)->done(std::exchange(job_, nullptr));
}

// False: it is longer than an answer may be.
bool OriginClient::Transfer::write_response() {
  const std::string head = head_.render(request_, job_->body_length, static_cast<std::int64_t>(unix_seconds()));
  if (head.size() > GatewayJob::kMaxHead || head.size() + job_->body_length > GatewayJob::kMaxResponse) return false;
  job_->status = head_.status();
  job_->head_length = static_cast<std::uint32_t>(head.copy(job_->head.data(), head.size()));
  return true;
}

void OriginClient::Transfer::write_failure(std::uint16_t status, std::string_view why) {
  job_->status = status;
  Writer head(job_->head);
  begin_head(head, status, date_text(static_cast<std::int64_t>(unix_seconds())), request_.http10, request_.close);
  const std::string text = std::string(text_of(status)) + ": " + std::string(why) + "\n";
  head.field("Content-Type", "text/plain").field("Content-Length", text.size()).put("\r\n");
  job_->head_length = static_cast<std::uint32_t>(head.length());
  job_->body_length = request_.method == Method::head ? 0 : static_cast<std::uint32_t>(text.size());
  std::memcpy(job_->body.get(), text.data(), job_->body_length);
}

OriginClient::OriginClient(OriginSettings settings) : settings_(std::move(settings)) {}

OriginClient::~OriginClient() {
  stop_.store(true, std::memory_order_relaxed);
  if (thread_.joinable()) thread_.join();
  for (const auto& transfer : transfers_) {
    if (multi_ != nullptr) curl_multi_remove_handle(multi_->handle, transfer->easy());
  }
  multi_.reset();  // it closes its sockets through us
}

void OriginClient::add(std::shared_ptr<GatewayJobs> jobs) {
  const std::scoped_lock lock(mutex_);
  cores_.push_back(std::move(jobs));
}

int OriginClient::open_socket(void* self, int, void* address) {
  const auto& to = *static_cast<const curl_sockaddr*>(address);
  const int made = socket(to.family, to.socktype | SOCK_CLOEXEC, to.protocol);
  if (made >= 0) static_cast<OriginClient*>(self)->sockets_.push_back(made);
  return made;
}

int OriginClient::close_socket(void* self, int socket) {
  std::erase(static_cast<OriginClient*>(self)->sockets_, socket);
  return close(socket);
}

bool OriginClient::has_stray_bytes(int local_port) const noexcept {
  for (const int socket : sockets_) {
    sockaddr_in6 ours{};  // the port stands at the same place for both families
    socklen_t length = sizeof ours;
    if (getsockname(socket, reinterpret_cast<sockaddr*>(&ours), &length) != 0) continue;
    if (ntohs(ours.sin6_port) != local_port) continue;
    char byte = 0;
    if (recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0) return true;
  }
  return false;
}

Status OriginClient::open_multi() {
  multi_ = std::make_unique<Multi>();
  if (multi_->handle == nullptr) return Error{"libcurl does not start"};
  const std::uint32_t each = settings_.origins.size() > 1 ? (settings_.connections + 1) / 2 : settings_.connections;
  curl_multi_setopt(multi_->handle, CURLMOPT_MAX_TOTAL_CONNECTIONS, long{settings_.connections});
  curl_multi_setopt(multi_->handle, CURLMOPT_MAX_HOST_CONNECTIONS, long{each});
  curl_multi_setopt(multi_->handle, CURLMOPT_MAXCONNECTS, long{settings_.connections});
  curl_multi_setopt(multi_->handle, CURLMOPT_PIPELINING, long{CURLPIPE_NOTHING});
  return success();
}

Status OriginClient::start() {
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return Error{"libcurl does not start"};
  if (Status status = open_multi(); !status) return status;
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error& error) {
    return Error{std::string("cannot start the HTTP client's thread: ") + error.what()};
  }
  pthread_setname_np(thread_.native_handle(), "http-client");
  return success();
}

void OriginClient::run() {
  unsigned calm = kCalmRounds;
  while (!stop_.load(std::memory_order_relaxed)) {
    const bool taken = take_jobs();
    int running = 0;
    curl_multi_perform(multi_->handle, &running);
    take_ended();
    close_idle();
    calm = taken || under_way_ != 0 ? 0 : std::min(calm + 1, kCalmRounds);
    curl_multi_poll(multi_->handle, nullptr, 0, calm < kCalmRounds ? kAwakeMs : kAsleepMs, nullptr);
  }
}

// Nobody has asked for a while: the servers need not keep connections for us.
void OriginClient::close_idle() {
  const std::uint64_t now = monotonic_ms();
  if (under_way_ != 0 || sockets_.empty()) {
    idle_since_ms_ = now;
  } else if (now - idle_since_ms_ >= kIdleSeconds * 1000) {
    multi_.reset();
    (void)open_multi();  // as it could be made before
  }
}

bool OriginClient::take_jobs() {
  const std::scoped_lock lock(mutex_);
  bool taken = false;
  for (const auto& jobs : cores_) {
    while (GatewayJob* const job = jobs->next()) {
      begin(*jobs, *job);
      taken = true;
    }
  }
  return taken;
}

void OriginClient::begin(GatewayJobs& jobs, GatewayJob& job) {
  if (free_.empty()) {
    transfers_.push_back(std::make_unique<Transfer>(*this));
    free_.push_back(transfers_.back().get());
  }
  Transfer* const transfer = free_.back();
  free_.pop_back();
  transfer->begin(jobs, job, settings_);
  if (curl_multi_add_handle(multi_->handle, transfer->easy()) == CURLM_OK) {
    ++under_way_;
    return;
  }
  transfer->end(CURLE_FAILED_INIT);
  free_.push_back(transfer);
}

void OriginClient::take_ended() {
  int left = 0;
  while (const CURLMsg* const message = curl_multi_info_read(multi_->handle, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;
    char* self = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &self);
    end(*reinterpret_cast<Transfer*>(self), code);
  }
}

void OriginClient::end(Transfer& transfer, int code) {
  curl_multi_remove_handle(multi_->handle, transfer.easy());
  if (transfer.wants_another()) {
    transfer.use_another();
    if (curl_multi_add_handle(multi_->handle, transfer.easy()) == CURLM_OK) return;
  }
  transfer.end(static_cast<CURLcode>(code));
  free_.push_back(&transfer);
  --under_way_;
}

}  // namespace gl::http
