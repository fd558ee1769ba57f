// TFTP: a request held against a second reader that splits it into words first, its path against the parts of the name,
// and both kinds of transfer driven by whatever numbers come, held against the file and against what a window allows.
#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <string>
#include <vector>

#include "lib/services/tftp/read_transfer.h"
#include "lib/services/tftp/write_transfer.h"
#include "tests/fuzz/check.h"

namespace {

using gl::fuzz::check;
using namespace gl::tftp;

constexpr std::uint64_t kGiveUp = 2'000'000;  // ms: longer than any transfer waits

std::string lowered(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

void check_path(std::string_view name) {
  std::array<char, 300> room;
  const auto path = path_of(name, room);
  std::string slow;
  bool outside = false;
  std::string part;
  for (const char c : std::string(name) + "/") {
    if (c != '/' && c != '\\') {
      part += c;
      continue;
    }
    outside = outside || part == "..";
    if (!part.empty() && part != ".") slow += "/" + part;
    part.clear();
  }
  if (outside || slow.empty() || slow.size() > room.size()) return check(!path, "a name without a path has none");
  check(path && *path == slow, "a path is the parts of its name");
}

void check_request(gl::Bytes packet) {
  const ParsedRequest parsed = parse_request(packet);
  if (!parsed.request) return check(!parsed.text.empty(), "who is refused is told why");
  const Request& request = *parsed.request;
  std::vector<std::string> words;
  std::string word;
  for (const std::uint8_t byte : packet.subspan(2)) {
    if (byte != 0) {
      word += static_cast<char>(byte);
    } else {
      words.push_back(word);
      word.clear();
    }
  }
  check(words.size() >= 2 && words[0] == request.name && !words[0].empty(), "a name is the first word");
  check(lowered(words[1]) == (request.mode == Mode::octet ? "octet" : "netascii"), "a mode is the second");
  unsigned known = 0;
  for (std::size_t i = 2; i + 1 < words.size() && !words[i].empty(); i += 2) {
    const std::string name = lowered(words[i]);
    const auto is = [&](const char* option, const auto& value) {
      if (name != option) return;
      ++known;
      check(value && std::to_string(*value) ==
                         words[i + 1].substr(std::min(words[i + 1].find_first_not_of('0'), words[i + 1].size() - 1)),
            "an option is the word behind its name");
    };
    is("blksize", request.options.blksize);
    is("tsize", request.options.tsize);
    is("windowsize", request.options.windowsize);
    if (request.options.timeout) is("timeout", std::optional<unsigned>(*request.options.timeout));
  }
  const Options& o = request.options;
  check(known == (o.blksize ? 1u : 0u) + (o.tsize ? 1u : 0u) + (o.windowsize ? 1u : 0u) + (o.timeout ? 1u : 0u),
        "each option once");
  const Terms terms = agree(request, {}, 12345);
  check(terms.blksize >= kMinBlksize && terms.blksize <= 1468 && terms.windowsize >= 1 && terms.windowsize <= 64,
        "what is agreed on has its limits");
  std::vector<std::uint8_t> oack(200);
  check(!terms.agreed.any() ||
            (write_oack(oack, terms.agreed) > 2 && write_oack(oack, terms.agreed) <= 3 * packet.size()),
        "an OACK is no more than three times its request");
  check_path(request.name);
}

// Numbers of two bytes each: acknowledgements, or a timer where they are 0xffff.
void drive_reading(const Terms& terms, std::size_t size, gl::Bytes numbers) {
  std::vector<std::uint8_t> file(size);
  for (std::size_t i = 0; i < size; ++i) file[i] = static_cast<std::uint8_t>(i * 7 + i / 256);
  ReadTransfer transfer(terms);
  std::vector<std::uint8_t> out(70'000);
  std::uint64_t now = 1'000'000;
  bool finished = false;
  const auto send = [&] {
    unsigned count = 0;
    while (transfer.has_next()) {
      const std::size_t length = transfer.write_next(file, out);
      check(length >= 2 && length <= kHeader + std::max<std::size_t>(terms.blksize, 100), "a packet has its length");
      ++count;
    }
    transfer.sent(now);
    check(count <= terms.windowsize, "no more than a window");
    return count;
  };
  send();
  for (std::size_t at = 0; at + 1 < numbers.size() && !finished; at += 2) {
    const auto number = gl::load_be<std::uint16_t>(numbers.data() + at);
    now += number % 1000;
    if (number == UINT16_MAX) {
      now = std::max(now, transfer.deadline());
      if (!transfer.on_time(now)) return;
      check(send() > 0, "what is due is sent");
      continue;
    }
    switch (transfer.on_ack(number, file, now)) {
      case ReadTransfer::Heard::advanced:
        check(send() > 0 || transfer.is_too_long(), "a new ACK draws the next window");
        break;
      case ReadTransfer::Heard::finished:
        finished = true;
        break;
      default:
        check(!transfer.has_next(), "what says nothing new draws nothing");
    }
  }
  while (transfer.on_time(now)) now += kGiveUp / 1000;
}

void drive_writing(const Terms& terms, gl::Bytes numbers) {
  WriteTransfer transfer(terms);
  transfer.opened();
  std::vector<std::uint8_t> out(200);
  std::uint64_t expected = 1;
  for (std::size_t at = 0; at + 1 < numbers.size(); at += 2) {
    const auto number = gl::load_be<std::uint16_t>(numbers.data() + at);
    const auto heard = transfer.on_data(number);
    if (heard != WriteTransfer::Heard::next) continue;
    check(number == number_of(expected++, terms.wrap), "blocks are stored in their turn");
    const std::size_t length = at % 64 == 62 ? 0 : terms.blksize;
    const bool acknowledges = transfer.stored(length, at);
    if (length != 0) continue;
    check(!acknowledges && transfer.on_data(number_of(expected, terms.wrap)) == WriteTransfer::Heard::ignored,
          "nothing is stored behind the last");
    return;
  }
  (void)transfer.write_ack(out, 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const gl::Bytes all(data, size);
  if (size >= 2 && data[0] == 0 && (data[1] == 1 || data[1] == 2)) check_request(all);
  check_path({reinterpret_cast<const char*>(data), size});
  if (size < 6) return 0;
  Terms terms{.mode = (data[0] & 1) != 0 ? Mode::netascii : Mode::octet, .wrap = static_cast<Wrap>(data[0] / 2 % 3)};
  terms.blksize = static_cast<std::uint16_t>(8 + data[1] % 32);
  terms.windowsize = static_cast<std::uint16_t>(1 + data[2] % 64);
  if ((data[0] & 8) != 0) terms.agreed.timeout = static_cast<std::uint8_t>(1 + data[3] % 255);
  drive_reading(terms, data[4] * 16u + data[5], all.subspan(6));
  drive_writing(terms, all.subspan(6));
  return 0;
}
