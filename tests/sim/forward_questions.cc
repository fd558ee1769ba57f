#include "tests/sim/forward_questions.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "lib/base/endian.h"

namespace gl::sim {
namespace {

constexpr std::size_t kHeader = 12;
constexpr std::size_t kRecordHead = 12;  // owner as a pointer, type, class, TTL, length
constexpr std::size_t kTtlAt = 6;        // in a record
constexpr std::size_t kLeastData = 8;
constexpr std::size_t kLongestMessage = 2 + 65535;  // with its length; a transfer is no longer either
constexpr std::uint16_t kPrivateType = 65280;
constexpr std::uint16_t kSoa = 6;
constexpr std::uint16_t kAxfr = 252;
constexpr std::uint16_t kMaxUdp = 1232;  // what the node names in its OPT
constexpr std::uint16_t kAa = 0x0400;
constexpr std::uint16_t kTc = 0x0200;
constexpr std::uint16_t kRd = 0x0100;
constexpr std::uint16_t kCd = 0x0010;
constexpr std::uint16_t kQr = 0x8000;
constexpr std::uint16_t kOpcode = 0x7800;

void put16(ByteString& to, std::size_t value) {
  to.push_back(static_cast<std::uint8_t>(value >> 8));
  to.push_back(static_cast<std::uint8_t>(value));
}
void put32(ByteString& to, std::uint32_t value) {
  put16(to, value >> 16);
  put16(to, value & 0xffff);
}
void put(ByteString& to, Bytes bytes) {
  for (const std::uint8_t byte : bytes) to.push_back(byte);
}
std::uint16_t get16(Bytes from, std::size_t at) {
  return load_be<std::uint16_t>(from.data() + at);
}

// Behind the question.
std::size_t question_end(Bytes message) {
  std::size_t at = kHeader;
  while (message[at] != 0) at += 1U + message[at];
  return at + 5;
}

void put_header(ByteString& to, std::uint16_t id, std::size_t flags, std::size_t records, bool opt) {
  put16(to, id);
  put16(to, flags);
  put16(to, 1);
  put16(to, records);
  put16(to, 0);
  put16(to, opt ? 1 : 0);
}
void put_opt(ByteString& to, std::uint16_t payload, std::size_t options = 0) {
  put(to, std::array<std::uint8_t, 3>{0, 0, 41});
  put16(to, payload);
  put32(to, 0);
  put16(to, options);
}

void put_records(ByteString& to, const Topic& topic, std::uint32_t version, std::uint32_t ttl, std::uint32_t part) {
  for (std::size_t i = 0; i < topic.records_of(version); ++i) {
    put16(to, 0xc00c);
    put16(to, kPrivateType);
    put16(to, 1);
    put32(to, ttl);
    put16(to, topic.record_size);
    put32(to, version);
    put32(to, static_cast<std::uint32_t>(i) | part << 16);
    to.resize(to.size() + topic.record_size - kLeastData, static_cast<std::uint8_t>(version * 37 + i));
  }
}

// What a name server says, or, with the client's ID, what the client may read of it.
ByteString message_of(const Topic& topic, Bytes query, const Said& said, std::size_t flags, bool opt,
                      std::uint32_t part = 0) {
  ByteString message;
  const std::size_t records = said.servfail ? 0 : topic.records_of(said.version);
  put_header(message, get16(query, 0), flags | (said.servfail ? 2 : 0), records, opt);
  put(message, query.subspan(kHeader, question_end(query) - kHeader));
  if (!said.servfail) put_records(message, topic, said.version, said.ttl, part);
  if (opt) put_opt(message, kMaxUdp);
  return message;
}

ByteString framed(const ByteString& message) {
  ByteString bytes;
  put16(bytes, message.size());
  put(bytes, message);
  return bytes;
}
ByteString transfer_of(const Topic& topic, Bytes query, const Said& said, std::size_t flags) {
  ByteString bytes;
  for (std::uint32_t part = 0; part < topic.messages; ++part) {
    put(bytes, framed(message_of(topic, query, said, flags, false, part)));
  }
  return bytes;
}

// A SERVFAIL of the node itself: with the extended error, 0: without.
ByteString own_failure(const ForwardRequest& request, std::uint16_t info) {
  ByteString message;
  const std::uint16_t from_client = get16(request.message, 2) & (kOpcode | kRd | kCd);
  put_header(message, get16(request.message, 0), kQr | from_client | 2U, 0, request.edns);
  put(message, Bytes(request.message).subspan(kHeader, question_end(request.message) - kHeader));
  if (!request.edns) return message;
  put_opt(message, kMaxUdp, info == 0 ? 0 : 6);
  if (info == 0) return message;
  put16(message, 15);
  put16(message, 2);
  put16(message, info);
  return message;
}

std::size_t passed_flags(const ForwardRequest& request) {
  return kQr | kAa | (get16(request.message, 2) & (kOpcode | kRd | kCd));
}

bool begins(Bytes bytes, const ByteString& with, bool whole) {
  return (whole ? bytes.size() == with.size() : bytes.size() <= with.size()) &&
         std::equal(bytes.begin(), bytes.end(), with.begin());
}

// The TTL that is read may be less than what was said, by the time that has passed since.
bool plausible(const History& history, std::size_t topic, std::uint32_t version, std::uint32_t ttl) {
  return std::ranges::any_of(history.said[topic], [&](const Said& said) {
    return said.version == version && !said.servfail && ttl <= said.ttl &&
           said.ttl - ttl <= (history.now_ms - said.at_ms) / 1000 + 1;
  });
}

bool is_transfer(const History& history, const ForwardRequest& request, Bytes bytes, bool whole) {
  return std::ranges::any_of(history.said[request.topic], [&](const Said& said) {
    return begins(bytes, transfer_of(history.topics[request.topic], request.message, said, passed_flags(request)),
                  whole);
  });
}

bool is_failure(const ForwardRequest& request, Bytes bytes, bool whole, bool stream) {
  return std::ranges::any_of(std::array<std::uint16_t, 3>{0, 22, 23}, [&](std::uint16_t info) {
    const ByteString message = own_failure(request, info);
    return begins(bytes, stream ? framed(message) : message, whole);
  });
}

bool is_truncated(const ForwardRequest& request, Bytes bytes) {
  // The node itself may say so, without asking.
  return std::ranges::any_of(std::array<std::size_t, 2>{kAa, 0}, [&](std::size_t aa) {
    ByteString message;
    put_header(message, get16(request.message, 0), (passed_flags(request) & ~std::size_t{kAa}) | aa | kTc, 0,
               request.edns);
    put(message, Bytes(request.message).subspan(kHeader, question_end(request.message) - kHeader));
    if (request.edns) put_opt(message, kMaxUdp);
    return begins(bytes, message, true);
  });
}

bool is_version(const History& history, const ForwardRequest& request, Bytes bytes, bool whole, bool stream) {
  const Topic& topic = history.topics[request.topic];
  const std::size_t first = (stream ? 2U : 0U) + question_end(request.message);
  const bool told = topic.records_of(1) != 0 && bytes.size() >= first + kRecordHead + 4;
  for (Said said : history.said[request.topic]) {
    if (told && !said.servfail) {
      said.ttl = load_be<std::uint32_t>(bytes.data() + first + kTtlAt);
      if (said.version != load_be<std::uint32_t>(bytes.data() + first + kRecordHead)) continue;
      if (!plausible(history, request.topic, said.version, said.ttl)) continue;
    }
    const ByteString message = message_of(topic, request.message, said, passed_flags(request), request.edns);
    // A TTL that is not there in whole is not compared.
    const std::size_t most =
        told || said.servfail || topic.records_of(said.version) == 0 ? bytes.size() : first + kTtlAt;
    if (begins(bytes.first(std::min(bytes.size(), most)), stream ? framed(message) : message, whole)) return true;
  }
  return false;
}

}  // namespace

std::size_t Topic::longest_answer() const {
  const std::size_t one = 2 + kHeader + name.size() + 4 + (records + (grows ? 2 : 0)) * (kRecordHead + record_size);
  return kind == Kind::transfer ? messages * one : one + 11;
}

Topic make_topic(Random& random, Topic::Kind kind, std::size_t number, std::size_t length) {
  Topic topic;
  topic.kind = kind;
  std::string label = std::to_string(number);
  label.insert(label.begin(), 't');
  topic.name.push_back(static_cast<std::uint8_t>(label.size()));
  topic.name.insert(topic.name.end(), label.begin(), label.end());
  for (std::size_t more = random.below(3); more > 0; --more) {
    const std::size_t size = random.between(1, 63);
    topic.name.push_back(static_cast<std::uint8_t>(size));
    topic.name.insert(topic.name.end(), size, static_cast<std::uint8_t>('a' + random.below(26)));
  }
  topic.name.push_back(0);
  if (kind == Topic::Kind::update || kind == Topic::Kind::notify) return topic;
  if (kind == Topic::Kind::transfer) topic.messages = random.between(1, 4);
  length /= topic.messages;
  topic.records = kind == Topic::Kind::question && random.chance(0.1) ? 0 : random.between(1, length / 40 + 1);
  if (topic.records == 0) return topic;
  topic.record_size = std::max(kLeastData, length / topic.records - std::min(length / topic.records, kRecordHead));
  topic.grows = random.chance(0.5);
  if (topic.longest_answer() > kLongestMessage) topic.grows = false;
  return topic;
}

ForwardRequest make_request(Random& random, const std::vector<Topic>& topics, std::size_t which) {
  const Topic& topic = topics[which];
  const bool question = topic.kind == Topic::Kind::question;
  ForwardRequest request;
  request.topic = which;
  request.edns = question && random.chance(0.6);
  const std::size_t opcode = topic.kind == Topic::Kind::update ? 5 : topic.kind == Topic::Kind::notify ? 4 : 0;
  const std::size_t flags = question ? random.below(2) * kRd + random.below(2) * kCd : 0;
  put_header(request.message, static_cast<std::uint16_t>(random.next()), opcode << 11 | flags, 0, request.edns);
  // A length is never taken for a letter: labels have at most 63 bytes.
  for (const std::uint8_t byte : topic.name) {
    const bool letter = byte >= 'a' && byte <= 'z';
    request.message.push_back(letter && random.chance(0.3) ? static_cast<std::uint8_t>(byte - 32) : byte);
  }
  put16(request.message, question ? kPrivateType : topic.kind == Topic::Kind::transfer ? kAxfr : kSoa);
  put16(request.message, 1);
  if (!request.edns) return request;
  request.payload = random.pick(std::array<std::uint16_t, 3>{512, 1232, 4096});
  const std::size_t padding = random.chance(0.1) ? random.between(1, 700) : 0;
  put_opt(request.message, request.payload, padding == 0 ? 0 : padding + 4);
  if (padding == 0) return request;
  put16(request.message, 65001);
  put16(request.message, padding);
  request.message.resize(request.message.size() + padding, 7);
  return request;
}

std::optional<std::size_t> topic_of(Bytes query) {
  if (query.size() < kHeader + 3 || (query[kHeader + 1] | 0x20) != 't') return std::nullopt;
  std::size_t number = 0;
  for (std::size_t i = 2; i <= query[kHeader]; ++i) number = number * 10 + (query[kHeader + i] - std::size_t{'0'});
  return number;
}

ByteString make_reply(const Topic& topic, Bytes query, const Said& said) {
  const std::size_t flags = kQr | kAa | (get16(query, 2) & (kOpcode | kRd));
  if (topic.kind == Topic::Kind::transfer) return transfer_of(topic, query, said, flags);
  return message_of(topic, query, said, flags, get16(query, 10) != 0);
}

ByteString make_truncated(Bytes query) {
  ByteString message;
  put_header(message, get16(query, 0), kQr | kAa | kTc | (get16(query, 2) & (kOpcode | kRd)), 0, false);
  put(message, query.subspan(kHeader, question_end(query) - kHeader));
  return message;
}

bool is_answer(const History& history, const ForwardRequest& request, Bytes bytes, bool whole, bool stream) {
  if (is_failure(request, bytes, whole, stream)) return true;
  if (history.topics[request.topic].kind == Topic::Kind::transfer) return is_transfer(history, request, bytes, whole);
  if (is_version(history, request, bytes, whole, stream)) return true;
  return !stream && is_truncated(request, bytes);
}

void ForwardReader::read(Bytes bytes) {
  while (!complete() && !wrong_) {
    const Bytes rest = bytes.subspan(place_);
    const ForwardRequest& request = requests_[answers_];
    std::size_t length = 0;
    // A transfer is as many messages as its version has.
    for (std::size_t part = 0; part < history_.topics[request.topic].messages; ++part) {
      if (rest.size() < length + 2) return;
      length += 2 + std::size_t{get16(rest, length)};
      if (rest.size() < length) return;
      if (part == 0 && (rest[5] & 0xf) != 0) break;
    }
    wrong_ = !is_answer(history_, request, rest.first(length), true, true);
    if (wrong_) return;
    place_ += length;
    ++answers_;
  }
}

bool ForwardReader::is_prefix(Bytes bytes) {
  read(bytes);
  const Bytes rest = bytes.subspan(place_);
  if (wrong_) return false;
  return rest.empty() || (!complete() && is_answer(history_, requests_[answers_], rest, false, true));
}

}  // namespace gl::sim
