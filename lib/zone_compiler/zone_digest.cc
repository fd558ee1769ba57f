#include "lib/zone_compiler/zone_digest.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <tuple>

#include "lib/base/endian.h"
#include "lib/dns/name.h"
#include "lib/dns/rdata.h"

namespace gl::zone {
namespace {

constexpr std::uint8_t kSimple = 1;
constexpr std::uint8_t kSha384 = 1;
constexpr std::uint8_t kSha512 = 2;

// The data of a ZONEMD record: serial, scheme, hash algorithm, digest.
struct Claim {
  const Record* record;
  std::uint32_t serial;
  std::uint8_t scheme;
  std::uint8_t algorithm;
  Bytes digest;
  [[nodiscard]] std::size_t digest_size() const { return algorithm == kSha384 ? 48 : algorithm == kSha512 ? 64 : 0; }
  [[nodiscard]] bool is_known() const { return scheme == kSimple && digest_size() != 0; }
};

Claim claim_of(const Record& record) {
  const Bytes data = as_bytes(record.data());
  return {&record, load_be<std::uint32_t>(data.data()), data[4], data[5], data.subspan(6)};
}

// Types whose data has its names in lower case (RFC 4034 section 6.2 as of RFC 6840 section 5.1: not NSEC).
bool has_canonical_names(std::uint16_t type) {
  using namespace dns::rr;
  constexpr std::array kTypes = {ns,    md,    mf,    cname,
                                 soa,   mb,    mg,    mr,
                                 ptr,   minfo, mx,    std::uint16_t{17} /* RP */,
                                 afsdb, rt,    sig,   std::uint16_t{26} /* PX */,
                                 nxt,   srv,   naptr, kx,
                                 dname, rrsig};
  return std::ranges::find(kTypes, type) != kTypes.end();
}

std::string canonical_data(const Record& record) {
  std::string data(record.data());
  if (!has_canonical_names(record.type)) return data;
  const Bytes bytes = as_bytes(record.data());
  (void)dns::walk_names(record.type, bytes, [&](std::size_t at, std::size_t length) {
    dns::copy_lower(reinterpret_cast<std::uint8_t*>(data.data()) + at, bytes.data() + at, length);  // NOLINT
  });
  return data;
}

// Which records count: not the apex's ZONEMD, nor the signature over it.
bool is_digested(const Record& record, std::string_view apex) {
  if (record.owner() != apex) return true;
  return record.type != dns::rr::zonemd && !(record.type == dns::rr::rrsig && record.covered() == dns::rr::zonemd);
}

// A record in canonical form and order (RFC 4034 sections 6.1 to 6.3).
struct Entry {
  std::string key;  // the owner's place among names
  std::uint16_t type;
  std::string data;
  const Record* record;
  [[nodiscard]] auto tie() const { return std::tie(key, type, data); }
};

std::vector<Entry> sorted_entries(const Records& records, std::string_view apex) {
  std::vector<Entry> entries;
  entries.reserve(records.size());
  dns::Name name;
  std::array<std::uint8_t, dns::kMaxOrderKey> key;
  for (const Record& record : records) {
    if (!is_digested(record, apex) || !name.parse(as_bytes(record.owner()))) continue;
    const std::size_t size = dns::order_key(name, key.data());
    entries.push_back({std::string(as_chars(Bytes(key).first(size))), record.type, canonical_data(record), &record});
  }
  std::ranges::sort(entries, [](const Entry& a, const Entry& b) { return a.tie() < b.tie(); });
  return entries;
}

class Digest {
 public:
  explicit Digest(std::uint8_t algorithm) : context_(EVP_MD_CTX_new()) {
    EVP_DigestInit_ex(context_.get(), algorithm == kSha384 ? EVP_sha384() : EVP_sha512(), nullptr);
  }
  void add(const Entry& entry) {
    const std::string_view owner = entry.record->owner();
    std::array<std::uint8_t, 10> fixed;
    store_be(fixed.data(), entry.type);
    store_be(fixed.data() + 2, dns::rr_class::in);
    store_be(fixed.data() + 4, entry.record->ttl);
    store_be(fixed.data() + 8, static_cast<std::uint16_t>(entry.data.size()));
    update(as_bytes(owner));
    update(fixed);
    update(as_bytes(entry.data));
  }
  [[nodiscard]] std::vector<std::uint8_t> finish() {
    std::vector<std::uint8_t> digest(EVP_MAX_MD_SIZE);
    unsigned size = 0;
    EVP_DigestFinal_ex(context_.get(), digest.data(), &size);
    digest.resize(size);
    return digest;
  }

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
  };
  void update(Bytes bytes) { EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()); }
  std::unique_ptr<EVP_MD_CTX, Free> context_;
};

std::vector<std::uint8_t> digest_of(const std::vector<Entry>& entries, std::uint8_t algorithm) {
  Digest digest(algorithm);
  const Entry* before = nullptr;
  for (const Entry& entry : entries) {
    if (before != nullptr && before->tie() == entry.tie()) continue;  // duplicates count once
    digest.add(entry);
    before = &entry;
  }
  return digest.finish();
}

// Two records of one scheme and algorithm say nothing (RFC 8976 section 2).
bool is_unique(const std::vector<Claim>& claims, const Claim& claim) {
  return std::ranges::count_if(claims, [&](const Claim& other) {
           return other.scheme == claim.scheme && other.algorithm == claim.algorithm;
         }) == 1;
}

std::vector<Claim> claims_at(const Records& records, std::string_view apex, std::optional<std::uint32_t>& serial) {
  std::vector<Claim> claims;
  for (const Record& record : records) {
    if (record.owner() != apex) continue;
    if (record.type == dns::rr::soa) serial = load_be<std::uint32_t>(as_bytes(record.data()).last(20).data());
    if (record.type != dns::rr::zonemd || record.data_size < 6) continue;
    const Claim claim = claim_of(record);
    const bool again = std::ranges::any_of(claims, [&](const Claim& c) { return c.record->data() == record.data(); });
    if (!again) claims.push_back(claim);
  }
  return claims;
}

}  // namespace

Status check_digest(const Records& records, std::string_view apex, ZoneDigests digests,
                    std::vector<std::string>& warnings) {
  if (digests == ZoneDigests::off) return success();
  std::optional<std::uint32_t> serial;
  const std::vector<Claim> claims = claims_at(records, apex, serial);
  std::vector<Entry> entries;
  bool confirmed = false;
  std::optional<Error> wrong;
  for (const Claim& claim : claims) {
    const auto at = [&](const std::string& reason) { return error_at(records.path, claim.record->line, reason); };
    if (!claim.is_known() || claim.digest.size() != claim.digest_size() || !is_unique(claims, claim)) {
      warnings.push_back(at("a ZONEMD record that cannot be checked").message);
      continue;
    }
    if (claim.serial != serial) {
      wrong = at("the ZONEMD record is of serial " + std::to_string(claim.serial) + ", and the zone is not");
      continue;
    }
    if (entries.empty()) entries = sorted_entries(records, apex);
    if (std::ranges::equal(digest_of(entries, claim.algorithm), claim.digest)) {
      confirmed = true;
    } else {
      wrong = at("the zone is not what its ZONEMD record says: the digest differs");
    }
  }
  if (confirmed) return success();  // section 4: one that agrees is enough
  if (wrong) return *wrong;
  if (digests == ZoneDigests::check) return success();
  return Error{records.path + ": the zone has no ZONEMD record that can be checked (--zonemd require)"};
}

}  // namespace gl::zone
