#include "lib/control/dnstap/encode.h"

#include "lib/base/endian.h"
#include "lib/control/dnstap.pb-c.h"

namespace gl::control {
namespace {

constexpr std::uint64_t kNsPerSecond = 1'000'000'000;

// protobuf-c does not write to what it packs, but does not say so.
ProtobufCBinaryData binary(Bytes bytes) {
  return {bytes.size(), const_cast<std::uint8_t*>(bytes.data())};
}
ProtobufCBinaryData binary(const std::string& text) {
  return binary(Bytes(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()));
}

void set_flow(Dnstap__Message& to, const dns::TapRecord& record) {
  to.has_socket_protocol = 1;
  to.socket_protocol =
      record.transport == dns::TapTransport::udp ? DNSTAP__SOCKET_PROTOCOL__UDP : DNSTAP__SOCKET_PROTOCOL__TCP;
  if (record.flow_length == 0) return;
  const Bytes flow = Bytes(record.flow).first(record.flow_length);
  const std::size_t address = (flow.size() - 4) / 2;
  to.has_socket_family = to.has_query_address = to.has_response_address = to.has_query_port = to.has_response_port = 1;
  to.socket_family = address == 4 ? DNSTAP__SOCKET_FAMILY__INET : DNSTAP__SOCKET_FAMILY__INET6;
  to.query_address = binary(flow.first(address));
  to.response_address = binary(flow.subspan(address, address));
  to.query_port = load_be<std::uint16_t>(flow.data() + 2 * address);
  to.response_port = load_be<std::uint16_t>(flow.data() + 2 * address + 2);
}

void set_query_time(Dnstap__Message& to, std::uint64_t ns) {
  to.has_query_time_sec = to.has_query_time_nsec = 1;
  to.query_time_sec = ns / kNsPerSecond;
  to.query_time_nsec = static_cast<std::uint32_t>(ns % kNsPerSecond);
}

void set_message(Dnstap__Message& to, const TapClock& clock, const dns::TapRecord& record, Bytes message) {
  using dns::TapType;
  const std::uint64_t ns = clock.at(record.cycles);
  if (record.type == TapType::auth_query || record.type == TapType::client_query ||
      record.type == TapType::forwarder_query) {
    set_query_time(to, ns);
    to.has_query_message = 1;
    to.query_message = binary(message);
    return;
  }
  if (record.query_cycles != 0) set_query_time(to, clock.at(record.query_cycles));
  to.has_response_time_sec = to.has_response_time_nsec = to.has_response_message = 1;
  to.response_time_sec = ns / kNsPerSecond;
  to.response_time_nsec = static_cast<std::uint32_t>(ns % kNsPerSecond);
  to.response_message = binary(message);
}

}  // namespace

void append_dnstap(const TapName& name, const TapClock& clock, const dns::TapRecord& record, Bytes message,
                   std::vector<std::uint8_t>& out) {
  Dnstap__Message inner;
  dnstap__message__init(&inner);
  inner.type = static_cast<Dnstap__Message__Type>(record.type);
  set_flow(inner, record);
  set_message(inner, clock, record, message);
  Dnstap__Dnstap outer;
  dnstap__dnstap__init(&outer);
  outer.type = DNSTAP__DNSTAP__TYPE__MESSAGE;
  outer.has_identity = outer.has_version = 1;
  outer.identity = binary(name.identity);
  outer.version = binary(name.version);
  outer.message = &inner;
  const std::size_t at = out.size();
  out.resize(at + dnstap__dnstap__get_packed_size(&outer));
  dnstap__dnstap__pack(&outer, out.data() + at);
}

}  // namespace gl::control
