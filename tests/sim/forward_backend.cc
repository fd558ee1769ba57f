#include "tests/sim/forward_backend.h"

#include <algorithm>
#include <cstring>
#include <functional>

#include "lib/base/endian.h"

namespace gl::sim {
namespace {

using backend::TcpJob;

constexpr std::size_t kMostDatagrams = 256;  // between two calls of collect()
constexpr std::size_t kProxySignature = 12;
constexpr std::size_t kProxyFixed = 16;
constexpr std::uint32_t kLongTtl = 1'000'000;
constexpr std::uint32_t kForged = 0xdeadbeef;

// Behind a PROXYv2 header, if there is one.
Bytes without_proxy(Bytes payload) {
  if (payload.size() < kProxyFixed || payload[0] != 0x0d || payload[kProxySignature] != 0x21) return payload;
  return payload.subspan(kProxyFixed + load_be<std::uint16_t>(payload.data() + 14));
}

// How long an answer over UDP may be.
std::size_t udp_limit(Bytes query) {
  if (load_be<std::uint16_t>(query.data() + 10) == 0) return 512;
  std::size_t at = 12;
  while (query[at] != 0) at += 1U + query[at];
  return load_be<std::uint16_t>(query.data() + at + 5 + 3);
}

}  // namespace

SimBackends::SimBackends(const ForwardWorld& world, History& history, std::uint64_t seed)
    : world_(world),
      history_(history),
      random_(seed),
      behaviour_(world.behaviour),
      asked_(world.topics.size()),
      sent_(kMostDatagrams) {
  for (std::size_t i = 0; i < std::min(world.jobs, kMostJobs); ++i) {
    jobs_.push_back(std::make_unique<TcpJob>());
    jobs_.back()->reply = std::make_unique<std::uint8_t[]>(TcpJob::kMaxReply);
  }
  free_.reserve(jobs_.size());
  done_.reserve(jobs_.size());
  forget_jobs();
}

void SimBackends::forget_jobs() {
  free_.clear();
  done_.clear();
  submitted_count_ = sent_count_ = 0;
  for (const auto& job : jobs_) free_.push_back(job.get());
  std::erase_if(queue_, [](const BackendEvent& event) { return event.job != nullptr; });
  std::make_heap(queue_.begin(), queue_.end(), std::greater<>());
}

void SimBackends::behave() {
  behaviour_ = {};
  behaviour_.delay_ms = 1;
}

MutableBytes SimBackends::begin(unsigned backend) noexcept {
  if (sent_count_ == sent_.size()) return {};
  sent_[sent_count_].backend = backend;
  return sent_[sent_count_].bytes;
}

void SimBackends::send(std::uint16_t source_port, std::size_t length) noexcept {
  sent_[sent_count_].source_port = source_port;
  sent_[sent_count_++].length = length;
}

TcpJob* SimBackends::take() noexcept {
  if (free_.empty()) return nullptr;
  TcpJob* const job = free_.back();
  free_.pop_back();
  return job;
}

TcpJob* SimBackends::completed() noexcept {
  if (done_.empty()) return nullptr;
  TcpJob* const job = done_.back();
  done_.pop_back();
  return job;
}

void SimBackends::complete(const BackendEvent& event) {
  TcpJob& job = *event.job;
  job.result = event.result;
  job.reply_length = static_cast<std::uint32_t>(event.payload.size());
  if (!event.payload.empty()) std::memcpy(job.reply.get(), event.payload.data(), event.payload.size());
  done_.push_back(&job);
}

std::optional<std::uint64_t> SimBackends::next_at() const {
  return queue_.empty() ? std::nullopt : std::optional(queue_.front().at_ms);
}

BackendEvent SimBackends::next_event() {
  std::pop_heap(queue_.begin(), queue_.end(), std::greater<>());
  BackendEvent event = std::move(queue_.back());
  queue_.pop_back();
  return event;
}

void SimBackends::put(BackendEvent event) {
  event.order = ++order_;
  queue_.push_back(std::move(event));
  std::push_heap(queue_.begin(), queue_.end(), std::greater<>());
}

void SimBackends::collect(std::uint64_t now_ms) {
  for (std::size_t i = 0; i < sent_count_; ++i) answer_datagram(now_ms, sent_[i]);
  for (std::size_t i = 0; i < submitted_count_; ++i) answer_job(now_ms, submitted_[i]);
  sent_count_ = submitted_count_ = 0;
}

std::uint64_t SimBackends::delay() {
  const std::uint64_t usual = random_.below(behaviour_.delay_ms + 1);
  return random_.chance(behaviour_.late) ? usual + world_.settings.timeout_ms : usual;
}

Said SimBackends::say(std::uint64_t at_ms, std::size_t topic) {
  std::vector<Said>& said = history_.said[topic];
  Said now;
  now.version = behaviour_.rotates ? static_cast<std::uint32_t>(said.size() + 1) : 1;
  now.ttl = kLongTtl - (behaviour_.counts_down ? static_cast<std::uint32_t>(at_ms / 1000) : 0);
  now.at_ms = at_ms;
  now.servfail = world_.topics[topic].kind == Topic::Kind::question && random_.chance(behaviour_.servfail);
  said.push_back(now);
  return now;
}

void SimBackends::answer_datagram(std::uint64_t now_ms, const Datagram& datagram) {
  const Bytes query = without_proxy(Bytes(datagram.bytes).first(datagram.length));
  BackendEvent event;
  event.at_ms = now_ms + delay();
  event.source = world_.settings.backends[datagram.backend].address;
  event.source_port = world_.settings.backends[datagram.backend].port;
  event.our_port = datagram.source_port;
  const std::optional<std::size_t> topic = topic_of(query);
  const std::string where = " backend " + std::to_string(datagram.backend);
  if (topic) ++asked_[*topic];
  if (datagram.backend < behaviour_.silent || random_.chance(behaviour_.loss)) {
    if (topic) note("asked" + where + " for t" + std::to_string(*topic) + ": silence");
    return;
  }
  if (!topic) {  // a health check
    event.payload.assign(query.begin(), query.end());
    event.payload[2] |= 0x80;
    return put(std::move(event));
  }
  const Said said = say(event.at_ms, *topic);
  event.payload = make_reply(world_.topics[*topic], query, said);
  event.what = where + ": t" + std::to_string(*topic) + " version " + std::to_string(said.version);
  if (said.servfail) event.what += " SERVFAIL";
  const bool plain = world_.topics[*topic].kind == Topic::Kind::question;
  if (event.payload.size() > udp_limit(query) || (plain && random_.chance(behaviour_.truncate))) {
    event.payload = make_truncated(query);
    event.what += " TC";
  } else if (plain && random_.chance(behaviour_.malformed)) {
    event.payload.resize(event.payload.size() - 1);
    event.what += " malformed";
  }
  note("asked" + where + " for t" + std::to_string(*topic));
  if (random_.chance(behaviour_.forge)) forge(now_ms, event);
  if (random_.chance(behaviour_.duplicate)) {
    BackendEvent again = event;
    again.at_ms += random_.below(behaviour_.delay_ms + 2);
    put(std::move(again));
  }
  put(std::move(event));
}

// Wrong in one thing each: nobody may take it for the right one.
void SimBackends::forge(std::uint64_t at_ms, const BackendEvent& right) {
  for (std::uint64_t kind = 0; kind < 5; ++kind) {
    BackendEvent wrong = right;
    wrong.at_ms = at_ms;
    wrong.what = " forged reply";
    std::uint8_t* const message = wrong.payload.data();
    std::memcpy(message + wrong.payload.size() - 4, &kForged, 4);
    if (kind == 0)
      store_be(message, static_cast<std::uint16_t>(load_be<std::uint16_t>(message) + 1 + random_.below(9)));
    if (kind == 1) wrong.source = wire::Ipv4Address{{203, 0, 113, 66}};
    if (kind == 2) wrong.source_port = 5353;
    if (kind == 3) wrong.our_port = static_cast<std::uint16_t>(right.our_port ^ 1U);
    if (kind == 4) message[13] = 'x';  // another name
    put(std::move(wrong));
  }
}

void SimBackends::answer_job(std::uint64_t now_ms, TcpJob* job) {
  const Bytes query = Bytes(job->query).subspan(job->preamble_length, job->query_length - job->preamble_length);
  const std::optional<std::size_t> topic = topic_of(query);
  BackendEvent event;
  event.job = job;
  event.at_ms = now_ms + 2 + delay();
  if (topic) ++asked_[*topic];
  const std::string where = " over TCP backend " + std::to_string(job->backend);
  const bool fails = !topic || job->backend < behaviour_.silent || random_.chance(behaviour_.tcp_fails);
  if (fails || event.at_ms > now_ms + job->timeout_ms) {
    event.result = random_.chance(0.5) ? TcpJob::Result::refused : TcpJob::Result::timed_out;
    if (random_.chance(0.2)) event.result = TcpJob::Result::malformed;
    const std::uint64_t end_ms = now_ms + job->timeout_ms;
    event.at_ms = event.result == TcpJob::Result::timed_out ? end_ms : std::min(event.at_ms, end_ms);
    event.what = where + ": nothing";
  } else {
    const Said said = say(event.at_ms, *topic);
    event.payload = make_reply(world_.topics[*topic], query, said);
    if (!job->transfer) {
      ByteString prefix(2);
      store_be(prefix.data(), static_cast<std::uint16_t>(event.payload.size()));
      event.payload.insert(event.payload.begin(), prefix.begin(), prefix.end());
    }
    event.what = where + ": t" + std::to_string(*topic) + " version " + std::to_string(said.version);
  }
  note("asked" + where);
  put(std::move(event));
}

}  // namespace gl::sim
