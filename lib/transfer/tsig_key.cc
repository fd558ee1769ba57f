#include "lib/transfer/tsig_key.h"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <optional>

#include "lib/base/text.h"
#include "lib/zone/name_text.h"

namespace gl::transfer {
namespace {

struct Known {
  TsigAlgorithm algorithm;
  std::string_view text;
  std::size_t size;
};
constexpr std::array<Known, 5> kKnown = {{{TsigAlgorithm::sha1, "hmac-sha1", 20},
                                          {TsigAlgorithm::sha224, "hmac-sha224", 28},
                                          {TsigAlgorithm::sha256, "hmac-sha256", 32},
                                          {TsigAlgorithm::sha384, "hmac-sha384", 48},
                                          {TsigAlgorithm::sha512, "hmac-sha512", 64}}};

const Known& known(TsigAlgorithm algorithm) {
  return kKnown[static_cast<std::size_t>(algorithm)];
}

std::optional<TsigAlgorithm> algorithm_of(std::string_view text) {
  if (text.ends_with('.')) text.remove_suffix(1);
  for (const Known& k : kKnown) {
    if (same_word(text, k.text)) return k.algorithm;
  }
  return std::nullopt;
}

Result<TsigKey> make_key(std::string_view name, std::string_view algorithm, std::string_view secret) {
  TsigKey key;
  const auto wire = zone::name_from_text(std::string(name));
  if (!wire) return Error{"the key's name is not a domain name"};
  key.name = *wire;
  const auto found = algorithm_of(algorithm);
  if (!found) return Error{"'" + std::string(algorithm) + "' is none of hmac-sha1, -sha224, -sha256, -sha384, -sha512"};
  key.algorithm = *found;
  if (secret.empty()) return Error{"the secret is empty"};
  key.secret.resize(secret.size());
  std::size_t length = 0;
  const char* end = nullptr;
  const int code = sodium_base642bin(key.secret.data(), key.secret.size(), secret.data(), secret.size(), nullptr,
                                     &length, &end, sodium_base64_VARIANT_ORIGINAL);
  if (code != 0 || end != secret.data() + secret.size() || length == 0) return Error{"the secret is not base64"};
  key.secret.resize(length);
  return key;
}

// The words of a text: `{ } ; "` are words of their own, but that quotation marks are left out.
struct Word {
  std::string_view text;
  std::size_t line;
};
std::vector<Word> words_of(std::string_view text) {
  constexpr std::string_view kMarks = "{};";
  constexpr std::string_view kEnds = " \t\r\n{};\"";
  std::vector<Word> words;
  std::size_t line = 1;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == '\n') ++line;
    if (c == '#' || text.substr(at, 2) == "//") {
      at = std::min(text.find('\n', at), text.size());
    } else if (kMarks.find(c) != std::string_view::npos) {
      words.push_back({text.substr(at++, 1), line});
    } else if (kEnds.find(c) != std::string_view::npos) {
      ++at;
    } else {
      const std::size_t end = std::min(text.find_first_of(kEnds, at), text.size());
      words.push_back({text.substr(at, end - at), line});
      at = end;
    }
  }
  return words;
}

// `key NAME { algorithm A ; secret S ; } ;`, in either order; `at` is behind it then.
Result<TsigKey> read_statement(const std::vector<Word>& words, std::size_t& at) {
  const auto word = [&](std::size_t i) { return i < words.size() ? words[i].text : std::string_view(); };
  const Error wrong{"not `key \"NAME\" { algorithm ALGORITHM; secret \"SECRET\"; };`"};
  const std::string_view name = word(at + 1);
  if (word(at + 2) != "{") return wrong;
  std::string_view algorithm = "hmac-sha256";
  std::string_view secret;
  for (at += 3; word(at) != "}"; at += 3) {
    if (word(at + 2) != ";") return wrong;
    if (word(at) == "algorithm") {
      algorithm = word(at + 1);
    } else if (word(at) == "secret") {
      secret = word(at + 1);
    } else {
      return wrong;
    }
  }
  at += word(at + 1) == ";" ? 2U : 1U;
  return make_key(name, algorithm, secret);
}

// `[ALGORITHM:]NAME:SECRET`
Result<TsigKey> read_word(std::string_view word) {
  const std::size_t last = word.rfind(':');
  if (last == std::string_view::npos) return Error{"neither a key statement nor [ALGORITHM:]NAME:SECRET"};
  const std::string_view front = word.substr(0, last);
  const std::size_t first = front.find(':');
  if (first == std::string_view::npos) return make_key(front, "hmac-sha256", word.substr(last + 1));
  return make_key(front.substr(first + 1), front.substr(0, first), word.substr(last + 1));
}

}  // namespace

std::string_view text_of(TsigAlgorithm algorithm) noexcept {
  return known(algorithm).text;
}

std::vector<std::uint8_t> wire_of(TsigAlgorithm algorithm) {
  const std::string_view text = text_of(algorithm);
  std::vector<std::uint8_t> wire(text.size() + 2);
  wire[0] = static_cast<std::uint8_t>(text.size());
  std::ranges::copy(text, wire.begin() + 1);
  return wire;
}

std::size_t mac_size(TsigAlgorithm algorithm) noexcept {
  return known(algorithm).size;
}

const TsigKey* find_key(const TsigKeys& keys, Bytes name) noexcept {
  const auto found = std::ranges::find_if(keys, [&](const TsigKey& key) { return std::ranges::equal(key.name, name); });
  return found == keys.end() ? nullptr : &*found;
}

Result<TsigKeys> parse_tsig_keys(std::string_view text, const std::string& path) {
  TsigKeys keys;
  const std::vector<Word> words = words_of(text);
  for (std::size_t at = 0; at < words.size();) {
    const Word& word = words[at];
    Result<TsigKey> key = word.text == "key" ? read_statement(words, at) : read_word(words[at++].text);
    const auto place = [&] { return "key file " + path + ":" + std::to_string(word.line) + ": "; };
    if (!key) return Error{place() + key.error()};
    if (find_key(keys, key->name) != nullptr) return Error{place() + "a key of this name stands before it"};
    keys.push_back(std::move(*key));
  }
  if (keys.empty()) return Error{"key file " + path + ": holds no key"};
  return keys;
}

}  // namespace gl::transfer
