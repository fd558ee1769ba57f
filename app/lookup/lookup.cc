#include "app/lookup/lookup.h"

#include <arpa/inet.h>
#include <ldns/ldns.h>
#include <netinet/in.h>
#include <unistd.h>

#include <cstring>
#include <memory>

namespace gl {
namespace {

struct Free {
  void operator()(ldns_resolver* p) const { ldns_resolver_deep_free(p); }
  void operator()(ldns_rdf* p) const { ldns_rdf_deep_free(p); }
  void operator()(ldns_pkt* p) const { ldns_pkt_free(p); }
  void operator()(ldns_rr_list* p) const { ldns_rr_list_deep_free(p); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

Endpoint endpoint_of(int family, const void* bytes, std::uint16_t port) {
  Endpoint endpoint;
  char text[INET6_ADDRSTRLEN] = "?";
  (void)inet_ntop(family, bytes, text, sizeof text);
  endpoint.text = text;
  if (family == AF_INET) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    std::memcpy(&address.sin_addr, bytes, sizeof address.sin_addr);
    std::memcpy(&endpoint.address, &address, sizeof address);
    endpoint.length = sizeof address;
  } else {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(port);
    std::memcpy(&address.sin6_addr, bytes, sizeof address.sin6_addr);
    std::memcpy(&endpoint.address, &address, sizeof address);
    endpoint.length = sizeof address;
  }
  return endpoint;
}

Result<Owned<ldns_resolver>> make_resolver(const std::string& server) {
  ldns_resolver* made = nullptr;
  if (server.empty()) {
    const ldns_status status = ldns_resolver_new_frm_file(&made, nullptr);
    if (status != LDNS_STATUS_OK) return Error{std::string("/etc/resolv.conf: ") + ldns_get_errorstr_by_id(status)};
    return Owned<ldns_resolver>(made);
  }
  Owned<ldns_resolver> resolver(ldns_resolver_new());
  const bool v6 = server.find(':') != std::string::npos;
  const Owned<ldns_rdf> address(ldns_rdf_new_frm_str(v6 ? LDNS_RDF_TYPE_AAAA : LDNS_RDF_TYPE_A, server.c_str()));
  if (address == nullptr || ldns_resolver_push_nameserver(resolver.get(), address.get()) != LDNS_STATUS_OK) {
    return Error{"'" + server + "' is no address of a name server"};
  }
  ldns_resolver_set_recursive(resolver.get(), true);
  return resolver;
}

// Adds the addresses of one type. The answer's chain of aliases ends where they are.
Status ask(ldns_resolver& resolver, const std::string& host, ldns_rr_type type, std::uint16_t port,
           std::vector<Endpoint>& found) {
  const Owned<ldns_rdf> name(ldns_dname_new_frm_str(host.c_str()));
  if (name == nullptr) return Error{"'" + host + "' is no name of a host"};
  const Owned<ldns_pkt> reply(ldns_resolver_search(&resolver, name.get(), type, LDNS_RR_CLASS_IN, LDNS_RD));
  if (reply == nullptr) return Error{"no name server answers"};
  const Owned<ldns_rr_list> records(ldns_pkt_rr_list_by_type(reply.get(), type, LDNS_SECTION_ANSWER));
  for (std::size_t i = 0; records != nullptr && i < ldns_rr_list_rr_count(records.get()); ++i) {
    const ldns_rdf* const data = ldns_rr_rdf(ldns_rr_list_rr(records.get(), i), 0);
    found.push_back(endpoint_of(type == LDNS_RR_TYPE_AAAA ? AF_INET6 : AF_INET, ldns_rdf_data(data), port));
  }
  return success();
}

}  // namespace

std::optional<Endpoint> parse_endpoint(const std::string& address, std::uint16_t port) {
  in6_addr v6{};
  in_addr v4{};
  if (inet_pton(AF_INET6, address.c_str(), &v6) == 1) return endpoint_of(AF_INET6, &v6, port);
  if (inet_pton(AF_INET, address.c_str(), &v4) == 1) return endpoint_of(AF_INET, &v4, port);
  return std::nullopt;
}

Result<std::vector<Endpoint>> look_up(const std::string& host, std::uint16_t port, const LookupSettings& settings) {
  if (const auto literal = parse_endpoint(host, port)) {
    const bool wanted = literal->address.ss_family == AF_INET6 ? settings.v6 : settings.v4;
    if (!wanted) return Error{host + " is an address of the other family"};
    return std::vector{*literal};
  }
  std::vector<Endpoint> found;
  if (host == "localhost" || host == "localhost.") {
    if (settings.v6) found.push_back(*parse_endpoint("::1", port));
    if (settings.v4) found.push_back(*parse_endpoint("127.0.0.1", port));
    return found;
  }
  auto resolver = make_resolver(settings.server);
  if (!resolver) return Error{resolver.error()};
  Status status = success();
  if (settings.v6) status = ask(**resolver, host, LDNS_RR_TYPE_AAAA, port, found);
  if (settings.v4 && status) status = ask(**resolver, host, LDNS_RR_TYPE_A, port, found);
  if (found.empty()) return Error{host + ": " + (status ? "no address" : status.error())};
  return found;
}

bool take_option(int option, const char* argument, LookupSettings& settings) {
  if (option == '4') {
    settings.v6 = false;
  } else if (option == '6') {
    settings.v4 = false;
  } else if (option == 's') {
    settings.server = argument;
  } else {
    return false;
  }
  return true;
}

Result<Connected> connect_to(const std::string& host, std::uint16_t port, const LookupSettings& settings) {
  const auto endpoints = look_up(host, port, settings);
  if (!endpoints) return Error{endpoints.error()};
  for (const Endpoint& endpoint : *endpoints) {
    const int s = socket(endpoint.address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (s < 0) continue;
    if (connect(s, reinterpret_cast<const sockaddr*>(&endpoint.address), endpoint.length) == 0) {
      return Connected{s, endpoint.text};
    }
    close(s);
  }
  return Error{host + ": " + std::strerror(errno)};
}

}  // namespace gl
