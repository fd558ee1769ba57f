// Values of flags as the operator wrote them.
// Thread: pure functions. Errors: one line that says what is allowed, without the flag's name.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/parse_number.h"
#include "lib/base/result.h"
#include "lib/control/options/settings.h"

namespace gl::control {

using gl::parse_number;
// [ORIGIN=]FILE
[[nodiscard]] Result<zone::ZoneSource> parse_zone(const std::string& text);

// Any IPv4 or IPv6 address.
[[nodiscard]] std::optional<wire::IpAddress> ip_from_text(const std::string& text);
[[nodiscard]] std::string ip_to_text(const wire::IpAddress& address);
[[nodiscard]] std::string mac_to_text(const wire::MacAddress& mac);
// Such that one host on a network can own it.
[[nodiscard]] bool is_ownable(const wire::IpAddress& address);
// ADDRESS, IPV4:PORT, [IPV6]:PORT
[[nodiscard]] Result<Endpoint> parse_endpoint(const std::string& text);
// The same with a port.
[[nodiscard]] Result<Endpoint> parse_listener(const std::string& text);
// The DPDK port that is written after an @.
[[nodiscard]] Result<std::uint16_t> parse_dpdk_port(const std::string& text, const std::string& whole);

// [PORT=]DPDKPORT, several with commas between them.
[[nodiscard]] Result<std::vector<KernelPortSetting>> parse_kernel_ports(const std::string& text);

// LIST[@PORT]: identifiers from 1 to 4094 and the word untagged, with commas between them.
[[nodiscard]] Result<VlanSetting> parse_vlans(const std::string& text);

// ADDRESS[/LEN][@PORT]: what we answer for, the network around it, and the DPDK port.
[[nodiscard]] Result<AddressSetting> parse_address(const std::string& text);
// ADDRESS[@PORT]
[[nodiscard]] Result<AddressSetting> parse_gateway(const std::string& text);
// ADDRESS
[[nodiscard]] Result<AddressSetting> parse_source(const std::string& text);

}  // namespace gl::control
