#include "lib/transfer/tsig_record.h"

#include "lib/dns/message.h"

namespace gl::transfer::tsig {
namespace {

std::vector<std::uint8_t> lower(std::string_view name) {
  const std::string lowered = lower_name(name);
  return {lowered.begin(), lowered.end()};
}

bool read_fields(Bytes message, std::size_t at, Found& found) {
  std::string algorithm;
  const std::size_t behind = read_name(message, at, algorithm);
  dns::Cursor cursor(message, behind);
  found.algorithm = lower(algorithm);
  const auto sized = [&] {
    const Bytes bytes = cursor.bytes(cursor.u16());
    return Mac(bytes.begin(), bytes.end());
  };
  found.time = std::uint64_t{cursor.u16()} << 32;
  found.time |= cursor.u32();
  found.fudge = cursor.u16();
  found.mac = sized();
  found.original_id = cursor.u16();
  found.error = cursor.u16();
  found.other = sized();
  return cursor.done() && behind != 0;
}

}  // namespace

Search find(Bytes message, Found& found) {
  if (message.size() < dns::kHeaderSize) return Search::malformed;
  const auto count = [&](std::size_t at) { return std::size_t{load_be<std::uint16_t>(message.data() + at)}; };
  dns::Cursor cursor(message, dns::kHeaderSize);
  for (std::size_t i = count(4); i > 0 && cursor.ok(); --i) {
    cursor.skip_name();
    cursor.u32();
  }
  for (std::size_t left = count(6) + count(8) + count(10); left > 0 && cursor.ok(); --left) {
    const std::size_t at = cursor.at();
    cursor.skip_name();
    const std::uint16_t type = cursor.u16();
    const std::uint16_t rr_class = cursor.u16();
    const std::uint32_t ttl = cursor.u32();
    const std::size_t length = cursor.u16();
    const std::size_t data = cursor.at();
    cursor.bytes(length);
    if (type != dns::rr::tsig || !cursor.ok()) continue;
    std::string name;
    if (left != 1 || count(10) == 0 || !cursor.done() || rr_class != dns::rr_class::any || ttl != 0 ||
        read_name(message, at, name) == 0 || !read_fields(message, data, found)) {
      return Search::malformed;
    }
    found.at = at;
    found.name = lower(name);
    return Search::present;
  }
  return cursor.ok() ? Search::absent : Search::malformed;
}

void append(Message& message, const Place& place, Bytes mac, const Variables& variables) {
  const auto id = load_be<std::uint16_t>(message.data());
  put(message, place.name);
  put_number(message, dns::rr::tsig);
  put_number(message, dns::rr_class::any);
  put_number(message, std::uint32_t{0});
  Message data;
  put(data, place.algorithm);
  put_time(data, variables.time);
  put_number(data, variables.fudge);
  put_sized(data, mac);
  put_number(data, id);
  put_number(data, static_cast<std::uint16_t>(variables.error));
  put_sized(data, variables.other);
  put_sized(message, data);
  const auto additionals = load_be<std::uint16_t>(message.data() + 10);
  store_be(message.data() + 10, static_cast<std::uint16_t>(additionals + 1));
}

Message stripped(Bytes message, const Found& found) {
  Message bytes(message.begin(), message.begin() + static_cast<std::ptrdiff_t>(found.at));
  store_be(bytes.data(), found.original_id);
  const auto additionals = load_be<std::uint16_t>(bytes.data() + 10);
  store_be(bytes.data() + 10, static_cast<std::uint16_t>(additionals - 1));
  return bytes;
}

}  // namespace gl::transfer::tsig
