#include "lib/transfer/tsig.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <utility>

#include "lib/dns/message.h"
#include "lib/transfer/tsig_record.h"

namespace gl::transfer {
namespace {

using tsig::Found;
using tsig::Place;
using tsig::put;
using tsig::put_number;
using tsig::put_sized;
using tsig::put_time;
using tsig::Search;
using tsig::stripped;
using tsig::Variables;

constexpr unsigned kMostUnsigned = 99;
constexpr std::size_t kShortestMac = 10;  // section 5.2.2.1: and at least half of the whole

const EVP_MD* digest_of(TsigAlgorithm algorithm) {
  constexpr std::array kDigests = {EVP_sha1, EVP_sha224, EVP_sha256, EVP_sha384, EVP_sha512};
  return kDigests[static_cast<std::size_t>(algorithm)]();
}

Mac mac_of(const TsigKey& key, Bytes digested) {
  Mac mac(mac_size(key.algorithm));
  unsigned size = 0;
  HMAC(digest_of(key.algorithm), key.secret.data(), static_cast<int>(key.secret.size()), digested.data(),
       digested.size(), mac.data(), &size);
  return mac;
}

// Section 4.3: the MAC before, the message, the variables; from the second message of an answer on the times alone.
Message digested(const TsigKey& key, Bytes prior, Bytes message, const Variables& variables, bool timers_only) {
  Message bytes;
  bytes.reserve(message.size() + 256);
  if (!prior.empty()) put_sized(bytes, prior);
  put(bytes, message);
  if (!timers_only) {
    put(bytes, key.name);
    put_number(bytes, dns::rr_class::any);
    put_number(bytes, std::uint32_t{0});
    put(bytes, wire_of(key.algorithm));
  }
  put_time(bytes, variables.time);
  put_number(bytes, variables.fudge);
  if (timers_only) return bytes;
  put_number(bytes, static_cast<std::uint16_t>(variables.error));
  put_sized(bytes, variables.other);
  return bytes;
}

// A MAC may be cut, but not to less than half or 10 bytes.
bool same_mac(Bytes whole, Bytes given) {
  const std::size_t least = std::max(kShortestMac, whole.size() / 2);
  return given.size() >= least && given.size() <= whole.size() &&
         sodium_memcmp(whole.data(), given.data(), given.size()) == 0;
}

bool in_time(const Found& found, std::uint64_t now) {
  return (now > found.time ? now - found.time : found.time - now) <= found.fudge;
}

std::string reason_of(std::uint16_t error) {
  switch (static_cast<TsigError>(error)) {
    case TsigError::bad_signature:
      return "the other side finds our signature wrong (BADSIG)";
    case TsigError::bad_key:
      return "the other side does not know the key (BADKEY)";
    case TsigError::bad_time:
      return "the clocks differ (BADTIME)";
    case TsigError::none:
      break;
  }
  return "TSIG error " + std::to_string(error);
}

}  // namespace

Mac sign_query(Message& message, const TsigKey& key, std::uint64_t now) {
  const Variables variables{.time = now};
  Mac mac = mac_of(key, digested(key, {}, message, variables, false));
  tsig::append(message, {key.name, wire_of(key.algorithm)}, mac, variables);
  return mac;
}

CheckedRequest check_request(Bytes message, const TsigKeys& keys, std::uint64_t now) {
  CheckedRequest checked;
  checked.length = message.size();
  Found found;
  const Search search = tsig::find(message, found);
  checked.malformed = search == Search::malformed;
  checked.is_signed = search == Search::present;
  if (search != Search::present) return checked;
  checked.length = found.at;
  checked.key_name = found.name;
  checked.algorithm = found.algorithm;
  checked.time = found.time;
  const TsigKey* const key = find_key(keys, found.name);
  if (key == nullptr || wire_of(key->algorithm) != found.algorithm) {
    checked.error = TsigError::bad_key;
    return checked;
  }
  checked.key = key;
  const Variables variables{found.time, found.fudge, static_cast<TsigError>(found.error), found.other};
  if (!same_mac(mac_of(*key, digested(*key, {}, stripped(message, found), variables, false)), found.mac)) {
    checked.error = TsigError::bad_signature;
    return checked;
  }
  checked.mac = std::move(found.mac);
  if (!in_time(found, now)) checked.error = TsigError::bad_time;
  return checked;
}

void AnswerSigner::sign(Message& message, std::uint64_t now) {
  if (!request_.is_signed) return;
  Variables variables{.time = now, .error = request_.error};
  const Place place{request_.key_name, request_.algorithm};
  if (request_.error == TsigError::bad_key || request_.error == TsigError::bad_signature) {
    variables.time = request_.time;
    return tsig::append(message, place, {}, variables);
  }
  Message other;
  if (request_.error == TsigError::bad_time) {  // section 5.2.3: signed with the client's time, and ours beside it
    variables.time = request_.time;
    put_time(other, now);
    variables.other = other;
  }
  Mac mac = mac_of(*request_.key, digested(*request_.key, prior_, message, variables, !first_));
  tsig::append(message, place, mac, variables);
  prior_ = std::move(mac);
  first_ = false;
}

Status AnswerChecker::take(Bytes message, std::uint64_t now) {
  Found found;
  const Search search = tsig::find(message, found);
  if (search == Search::malformed) return Error{"a malformed message or TSIG"};
  if (search == Search::absent) {
    if (first_) return Error{"the answer is not signed"};
    if (++unsigned_ > kMostUnsigned) return Error{"more than 99 messages without a signature"};
    put(between_, message);
    return success();
  }
  if (found.name != key_.name || found.algorithm != wire_of(key_.algorithm)) {
    return Error{found.error != 0 ? reason_of(found.error) : "signed with another key or algorithm"};
  }
  const Message bare = stripped(message, found);
  put(between_, bare);
  const Variables variables{found.time, found.fudge, static_cast<TsigError>(found.error), found.other};
  if (!same_mac(mac_of(key_, digested(key_, prior_, between_, variables, !first_)), found.mac)) {
    return Error{found.error != 0 ? reason_of(found.error) : "the signature is wrong"};
  }
  if (found.error != 0) return Error{reason_of(found.error)};
  if (!in_time(found, now)) return Error{"signed at another time than ours: " + reason_of(18)};
  prior_ = std::move(found.mac);
  between_.clear();
  unsigned_ = 0;
  first_ = false;
  return success();
}

}  // namespace gl::transfer
