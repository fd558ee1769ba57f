// TFTP: requests, options, numbers of blocks, both kinds of transfer, the table with its TIDs, and the service as its
// datagrams show it.
#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "lib/services/tftp/tftp.h"

namespace gl::tftp {
namespace {

using Buffer = std::vector<std::uint8_t>;
using namespace std::string_literals;

Buffer bytes(const std::string& text) {
  return {text.begin(), text.end()};
}
Buffer rrq(const std::string& rest) {
  return bytes("\0\1"s + rest);
}
Buffer numbered(Opcode opcode, std::uint16_t number) {
  Buffer packet(kHeader);
  write_header(packet, opcode, number);
  return packet;
}

// ---- packets ----

TEST(TftpRequest, WithAndWithoutOptions) {
  const Buffer plain = rrq("boot/x\0octet\0"s);
  const ParsedRequest one = parse_request(plain);
  ASSERT_TRUE(one.request);
  EXPECT_EQ(one.request->name, "boot/x");
  EXPECT_FALSE(one.request->write || one.request->options.any());
  const Buffer all = rrq("x\0NetASCII\0TSIZE\0000\0blksize\0001428\0foo\0bar\0windowsize\00016\0timeout\0003\0"s);
  const ParsedRequest two = parse_request(all);
  ASSERT_TRUE(two.request);
  EXPECT_EQ(two.request->mode, Mode::netascii);
  EXPECT_EQ(two.request->options.tsize, 0u);
  EXPECT_EQ(two.request->options.blksize, 1428u);
  EXPECT_EQ(two.request->options.windowsize, 16u);
  EXPECT_EQ(two.request->options.timeout, 3u);
}

TEST(TftpRequest, WhatIsRefused) {
  const auto error = [](const std::string& rest) {
    const Buffer packet = rrq(rest);
    const ParsedRequest parsed = parse_request(packet);
    EXPECT_FALSE(parsed.request) << rest;
    return parsed.error;
  };
  EXPECT_EQ(error(""), ErrorCode::illegal_operation);
  EXPECT_EQ(error("x\0octet"s), ErrorCode::illegal_operation);
  EXPECT_EQ(error("x\0mail\0"s), ErrorCode::illegal_operation);
  EXPECT_EQ(error("\0octet\0"s), ErrorCode::file_not_found);
  EXPECT_EQ(error("x\0octet\0blksize\0007\0"s), ErrorCode::option_negotiation);
  EXPECT_EQ(error("x\0octet\0blksize\000512\0blksize\000512\0"s), ErrorCode::option_negotiation);
  EXPECT_EQ(error("x\0octet\0timeout\0256\0"s), ErrorCode::option_negotiation);
  EXPECT_EQ(error("x\0octet\0windowsize\000"s), ErrorCode::option_negotiation);
  EXPECT_EQ(error(std::string(kMaxRequest, 'x') + "\0octet\0"s), ErrorCode::illegal_operation);
}

TEST(TftpRequest, Paths) {
  std::array<char, 32> room;
  const auto path = [&](std::string_view name) { return std::string(path_of(name, room).value_or("none")); };
  EXPECT_EQ(path("a/b"), "/a/b");
  EXPECT_EQ(path("\\a\\\\b"), "/a/b");
  EXPECT_EQ(path("//./a/"), "/a");
  for (const char* const name : {"", "/", ".", "..", "a/../b", "a\\..", "0123456789012345678901234567890123"}) {
    EXPECT_EQ(path(name), "none") << name;
  }
  EXPECT_EQ(path("..a"), "/..a");
}

// ---- terms ----

TEST(TftpTerms, AreNeverMoreThanAsked) {
  Request request;
  request.options = {.blksize = 65464, .tsize = 0, .timeout = 9, .windowsize = 65535};
  const Terms terms = agree(request, {.blksize = 1468, .windowsize = 64}, 123456);
  EXPECT_EQ(terms.blksize, 1468);
  EXPECT_EQ(terms.windowsize, 64);
  Buffer out(100);
  out.resize(write_oack(out, terms.agreed));
  EXPECT_EQ(out, bytes("\0\6blksize\0001468\0tsize\000123456\0timeout\0009\0windowsize\00064\0"s));
  request.options = {.blksize = 100};
  EXPECT_EQ(agree(request, {}, 1).blksize, 100);
  EXPECT_FALSE(agree(Request{}, {}, 1).agreed.any());
}

TEST(TftpTerms, NumbersWrap) {
  EXPECT_EQ(number_of(65535, Wrap::zero), 65535);
  EXPECT_EQ(number_of(65536, Wrap::zero), 0);
  EXPECT_EQ(number_of(65537, Wrap::zero), 1);
  EXPECT_EQ(number_of(65535, Wrap::one), 65535);
  EXPECT_EQ(number_of(65536, Wrap::one), 1);
  EXPECT_EQ(number_of(2 * 65535 + 1, Wrap::one), 1);
  for (const Wrap wrap : {Wrap::zero, Wrap::one}) {
    for (const std::uint64_t n : {1ull, 65530ull, 65535ull, 65536ull, 131069ull, 131070ull, 131072ull}) {
      for (std::uint64_t ahead = 0; ahead < 1000; ahead += 7) {
        EXPECT_EQ(blocks_behind(n, number_of(n + ahead, wrap), wrap), ahead) << n;
      }
    }
  }
  EXPECT_FALSE(blocks_behind(5, 0, Wrap::one));
}

// ---- content ----

TEST(TftpContent, NetasciiAtAnyBoundary) {
  const Buffer file = bytes("a\nb\rc\r\n");
  const std::string wanted = "a\r\nb\r\0c\r\0\r\n"s;
  for (std::size_t size = 1; size < 14; ++size) {
    Place place;
    Place skipped;
    std::string got;
    for (;;) {
      Buffer block(size);
      const std::size_t length = read_content(file, Mode::netascii, place, block);
      got.append(block.begin(), block.begin() + static_cast<std::ptrdiff_t>(length));
      skip_content(file, Mode::netascii, skipped, size);
      EXPECT_EQ(skipped.offset, place.offset);
      EXPECT_EQ(skipped.owes, place.owes);
      if (length < size) break;
    }
    EXPECT_EQ(got, wanted) << size;
  }
}

// ---- a file on its way to a client ----

struct Reading {
  explicit Reading(std::size_t size, Terms terms = {}) : file(size, 7), transfer(terms) {}
  // What may go now, by block number.
  std::vector<unsigned> window() {
    std::vector<unsigned> numbers;
    Buffer out(70000);
    while (transfer.has_next()) {
      last_length = transfer.write_next(file, out);
      numbers.push_back(last_length < kHeader ? 0 : load_be<std::uint16_t>(out.data() + 2));
      opcode = load_be<std::uint16_t>(out.data());
    }
    transfer.sent(now);
    return numbers;
  }
  ReadTransfer::Heard ack(std::uint16_t number) { return transfer.on_ack(number, file, now); }

  Buffer file;
  ReadTransfer transfer;
  std::uint64_t now = 1000;
  std::size_t last_length = 0;
  unsigned opcode = 0;
};
using Heard = ReadTransfer::Heard;
using Numbers = std::vector<unsigned>;

TEST(TftpRead, StopAndWait) {
  Reading reading(1024);
  EXPECT_EQ(reading.window(), Numbers{1});
  EXPECT_EQ(reading.ack(0), Heard::outside) << "there was no OACK";
  EXPECT_EQ(reading.ack(2), Heard::outside);
  EXPECT_FALSE(reading.transfer.established());
  EXPECT_EQ(reading.ack(1), Heard::advanced);
  EXPECT_EQ(reading.window(), Numbers{2});
  EXPECT_EQ(reading.ack(1), Heard::repeated);
  EXPECT_TRUE(reading.window().empty()) << "the Sorcerer's Apprentice";
  EXPECT_EQ(reading.ack(2), Heard::advanced);
  EXPECT_EQ(reading.window(), Numbers{3});
  EXPECT_EQ(reading.last_length, kHeader) << "a multiple of blksize ends with an empty block";
  EXPECT_EQ(reading.ack(3), Heard::finished);
  EXPECT_TRUE(reading.window().empty());
}

TEST(TftpRead, Windows) {
  Terms terms{.blksize = 100, .windowsize = 4};
  terms.agreed.windowsize = 4;
  Reading reading(1050, terms);
  reading.window();
  EXPECT_EQ(reading.opcode, 6u) << "the OACK goes alone";
  EXPECT_EQ(reading.ack(1), Heard::outside);
  EXPECT_EQ(reading.ack(0), Heard::advanced);
  EXPECT_EQ(reading.window(), (Numbers{1, 2, 3, 4}));
  EXPECT_EQ(reading.ack(0), Heard::repeated);
  EXPECT_EQ(reading.ack(2), Heard::advanced);
  EXPECT_TRUE(reading.transfer.is_again());
  EXPECT_EQ(reading.window(), (Numbers{3, 4, 5, 6}));
  EXPECT_EQ(reading.ack(6), Heard::advanced);
  EXPECT_FALSE(reading.transfer.is_again());
  EXPECT_EQ(reading.window(), (Numbers{7, 8, 9, 10}));
  EXPECT_EQ(reading.ack(10), Heard::advanced);
  EXPECT_EQ(reading.window(), Numbers{11});
  EXPECT_EQ(reading.last_length, kHeader + 50);
  EXPECT_EQ(reading.ack(11), Heard::finished);
}

TEST(TftpRead, NumbersWrapOnTheWay) {
  for (const Wrap wrap : {Wrap::zero, Wrap::one}) {
    Reading reading(70'000, {.wrap = wrap, .blksize = 1, .windowsize = 10});
    std::uint64_t block = 0;
    for (;;) {
      const Numbers window = reading.window();
      for (const unsigned number : window) EXPECT_EQ(number, number_of(++block, wrap));
      if (reading.ack(number_of(block, wrap)) == Heard::finished) break;
    }
    EXPECT_EQ(block, 70'001u);
  }
  Reading refused(70'000, {.wrap = Wrap::refuse, .blksize = 1, .windowsize = 10});
  std::uint64_t block = 0;
  while (!refused.transfer.is_too_long()) {
    block += refused.window().size();
    ASSERT_LE(block, 65'535u);
    (void)refused.ack(static_cast<std::uint16_t>(block));
  }
  EXPECT_EQ(block, 65'535u);
  Reading fits(65'534, {.wrap = Wrap::refuse, .blksize = 1, .windowsize = 65'535});
  EXPECT_EQ(fits.window().size(), 65'535u);
  EXPECT_FALSE(fits.transfer.is_too_long());
  EXPECT_EQ(fits.ack(65'535), Heard::finished);
}

TEST(TftpRead, TimerBacksOffAndGivesUp) {
  Reading reading(5000);
  reading.window();
  reading.now += 20;
  EXPECT_EQ(reading.ack(1), Heard::advanced);
  reading.window();
  std::vector<std::uint64_t> waits;
  for (;;) {
    const std::uint64_t deadline = reading.transfer.deadline();
    waits.push_back(deadline - reading.now);
    reading.now = deadline;
    if (!reading.transfer.on_time(reading.now)) break;
    EXPECT_EQ(reading.window(), Numbers{2});
  }
  EXPECT_EQ(std::vector(waits.begin(), waits.begin() + 7),
            (std::vector<std::uint64_t>{200, 400, 800, 1600, 3200, 6400, 8000}));
  EXPECT_LT(waits.size(), 15u);
  Terms terms;
  terms.agreed.timeout = 20;
  Reading slow(5000, terms);
  slow.window();
  EXPECT_EQ(slow.ack(0), Heard::advanced);
  slow.window();
  EXPECT_EQ(slow.transfer.deadline(), slow.now + 20'000);
  for (unsigned tries = 0; tries < 5; ++tries) EXPECT_TRUE(slow.transfer.on_time(slow.now += 20'000));
  EXPECT_FALSE(slow.transfer.on_time(slow.now += 20'000));
}

// ---- a file on its way from a client ----

TEST(TftpWrite, BlocksInTheirTurn) {
  using WriteHeard = WriteTransfer::Heard;
  WriteTransfer write(Terms{.windowsize = 2});
  EXPECT_EQ(write.on_data(1), WriteHeard::ignored) << "it is not open yet";
  write.opened();
  EXPECT_EQ(write.on_data(1), WriteHeard::next);
  EXPECT_FALSE(write.stored(512, 1)) << "half of a window";
  EXPECT_EQ(write.on_data(1), WriteHeard::repeated);
  EXPECT_EQ(write.on_data(3), WriteHeard::ahead);
  EXPECT_EQ(write.on_data(3), WriteHeard::ignored) << "said once";
  Buffer out(100);
  EXPECT_EQ(write.write_ack(out, 1), kHeader);
  EXPECT_EQ(load_be<std::uint16_t>(out.data() + 2), 1);
  EXPECT_EQ(write.on_data(2), WriteHeard::next);
  EXPECT_FALSE(write.stored(512, 1));
  EXPECT_EQ(write.on_data(3), WriteHeard::next);
  EXPECT_TRUE(write.stored(512, 1));
  (void)write.write_ack(out, 1);
  EXPECT_EQ(write.on_data(4), WriteHeard::next);
  EXPECT_FALSE(write.stored(0, 1)) << "the last is acknowledged when the file has its name";
  EXPECT_EQ(write.on_data(4), WriteHeard::ignored);
  write.renamed();
  EXPECT_EQ(write.on_data(4), WriteHeard::repeated);
  EXPECT_EQ(write.on_data(5), WriteHeard::ignored);
}

// ---- deadlines and the table ----

TEST(TftpTimerWheel, EachIsCalledOnceAndNotTooEarly) {
  TimerWheel wheel(100);
  EXPECT_EQ(wheel.next(), TimerWheel::kNever);
  std::vector<std::uint64_t> at(100);
  for (std::uint32_t id = 0; id < 100; ++id) wheel.set(id, at[id] = 1'000'000 + id * 997, 1'000'000);
  wheel.cancel(50);
  std::set<std::uint32_t> called;
  for (std::uint64_t now = 1'000'000; now < 1'200'000; now += 5) {
    if (wheel.next() > now) continue;
    wheel.run(now, [&](std::uint32_t id) {
      EXPECT_GE(now, at[id]);
      EXPECT_LT(now, at[id] + 2 * TimerWheel::kTick + 5);
      EXPECT_TRUE(called.insert(id).second);
    });
  }
  EXPECT_EQ(called.size(), 99u);
  EXPECT_EQ(wheel.next(), TimerWheel::kNever);
}

struct Asker {
  Datagram datagram(Bytes payload, std::uint16_t port = 69) {
    return {.peer = address.data(),
            .local = ours.data(),
            .link = link.data(),
            .address_length = 4,
            .link_length = 14,
            .interface = 0,
            .peer_port = peer_port,
            .local_port = port,
            .payload = payload};
  }
  std::array<std::uint8_t, 4> address{192, 0, 2, 1};
  std::array<std::uint8_t, 4> ours{192, 0, 2, 53};
  std::array<std::uint8_t, 14> link{};
  std::uint16_t peer_port = 40'000;
};

TEST(TftpTransfers, TidsAreOnesOwnAndUnforeseeable) {
  for (const unsigned core : {0u, 1u, 2u}) {
    Transfers transfers(300, {50'000, 51'001, 3}, core);
    std::set<std::uint16_t> tids;
    Asker asker;
    for (unsigned i = 0; i < 300; ++i) {
      ++asker.peer_port;
      Transfer* const transfer = transfers.add(asker.datagram({}));
      ASSERT_NE(transfer, nullptr);
      const std::uint16_t tid = transfer->peer.local_port;
      EXPECT_TRUE(tids.insert(tid).second);
      EXPECT_EQ(tid % 3, core);
      EXPECT_TRUE(tid >= 50'000 && tid <= 51'001);
      EXPECT_EQ(transfers.find(tid), transfer);
      EXPECT_EQ(transfers.find_offered(asker.datagram({})), transfer);
    }
    EXPECT_EQ(transfers.add(asker.datagram({})), nullptr);
    Transfer* const oldest = transfers.in_the_way();
    ASSERT_NE(oldest, nullptr);
    EXPECT_EQ(oldest->peer.port, 40'001) << "the first";
    transfers.establish(*oldest);
    EXPECT_EQ(transfers.in_the_way()->peer.port, 40'002) << "an established one stays";
    transfers.remove(*transfers.in_the_way());
    EXPECT_EQ(transfers.in_the_way(), nullptr);
    EXPECT_EQ(transfers.find(49'999), nullptr);
    EXPECT_EQ(transfers.find(51'002), nullptr);
  }
}

// ---- the service ----

struct Out final : DatagramSink {
  Out(MutableBytes room, std::size_t allowance) : DatagramSink(room, allowance), first(room) {}
  [[nodiscard]] std::vector<std::pair<std::uint16_t, Buffer>> sent() {
    std::vector<std::pair<std::uint16_t, Buffer>> all;
    if (sent_one()) {
      const auto end = first.begin() + static_cast<std::ptrdiff_t>(first_length());
      all.emplace_back(first_port(), Buffer(first.begin(), end));
    }
    all.insert(all.end(), further.begin(), further.end());
    return all;
  }
  MutableBytes further_room() noexcept override { return extra; }
  bool send_further(std::uint16_t port, std::size_t length) noexcept override {
    further.emplace_back(port, Buffer(extra.begin(), extra.begin() + static_cast<std::ptrdiff_t>(length)));
    return true;
  }
  bool refuse() noexcept override {
    ++refused;
    return false;
  }
  MutableBytes first;
  std::array<std::uint8_t, 1472> extra{};
  std::vector<std::pair<std::uint16_t, Buffer>> further;
  unsigned refused = 0;
};

struct Sender final : DatagramSender {
  MutableBytes room(const Peer&) noexcept override { return bytes; }
  void send(const Peer&, std::uint16_t, std::size_t length) noexcept override {
    sent.emplace_back(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length));
  }
  std::array<std::uint8_t, 1472> bytes{};
  std::vector<Buffer> sent;
};

struct TftpServing : ::testing::Test {
  TftpServing() {
    std::filesystem::create_directories(root);
    std::ofstream(root / "file") << std::string(5000, 'f');
    auto read = files::read_directories({{root.string()}}, files::MediaTypes::read(), 1 << 20, nullptr);
    EXPECT_TRUE(read.ok());
    set = std::move(read->set);
    published.current = set.get();
    settings.tids = {49152, 65535, 1};
    settings.transfers = 4;
    service = std::make_unique<TftpService>(pointer, settings, registry);
    EXPECT_TRUE(registry.add_datagram({69, 69}, service->request_port()));
    EXPECT_TRUE(registry.add_datagram({49152, 65535}, service->transfer_ports()));
    service->begin_burst(now);
  }
  ~TftpServing() override { std::filesystem::remove_all(root); }

  std::vector<std::pair<std::uint16_t, Buffer>> give(const Buffer& packet, std::uint16_t port = 69) {
    DatagramService* const there = registry.datagram(port);
    Out out(room, there->allowance(packet.size()));
    service->begin_burst(now);
    there->receive(asker.datagram(packet, port), out);
    refused += out.refused;
    return out.sent();
  }
  std::uint64_t counter(std::string_view name) {
    struct Find final : CounterReader {
      explicit Find(std::string_view which) : wanted(which) {}
      void read(std::string_view each, std::uint64_t is, std::string_view) override {
        if (each == wanted) value = is;
      }
      std::string_view wanted;
      std::uint64_t value = UINT64_MAX;
    } find(name);
    service->read_counters(find);
    return find.value;
  }

  std::filesystem::path root = std::filesystem::temp_directory_path() / ("gl-tftp-" + std::to_string(::getpid()));
  std::unique_ptr<const files::FileSet> set;
  files::PublishedFiles published;
  std::atomic<const files::PublishedFiles*> pointer{&published};
  Registry registry;
  TftpService::Settings settings;
  std::unique_ptr<TftpService> service;
  Asker asker;
  std::array<std::uint8_t, 1472> room{};
  std::uint64_t now = 100'000;
  unsigned refused = 0;
};

TEST_F(TftpServing, OneDatagramForEachRequestUntilAnAckProvesTheAddress) {
  const Buffer request = rrq("file\0octet\0"s);
  const auto first = give(request);
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(first[0].second.size(), RequestPort::kFirstData);
  const std::uint16_t tid = first[0].first;
  EXPECT_EQ(give(request), first) << "from the same TID";
  EXPECT_EQ(counter("offered"), 1u);
  Sender sender;
  for (unsigned i = 0; i < 4000; ++i) service->on_time(now += 16, sender);
  EXPECT_TRUE(sender.sent.empty()) << "nothing by a timer";
  EXPECT_EQ(counter("expired"), 1u);
  EXPECT_EQ(give(numbered(Opcode::ack, 1), tid)[0].second, bytes("\0\5\0\5bad TID\0"s));
  const std::uint16_t next = give(request)[0].first;
  ASSERT_EQ(give(numbered(Opcode::ack, 1), next).size(), 1u);
  service->on_time(now += 1100, sender);
  EXPECT_EQ(sender.sent.size(), 1u) << "from then on its timer runs";
  EXPECT_EQ(refused, 0u);
}

TEST_F(TftpServing, AnOackComesAgainWithinThreeTimesItsRequest) {
  const Buffer request = rrq("file\0octet\0blksize\0001000\0tsize\0000\0"s);
  std::size_t drawn = give(request)[0].second.size();
  Sender sender;
  std::vector<std::uint64_t> at;
  for (const std::uint64_t begin = now; now < begin + 59'000; now += 16) {
    service->on_time(now, sender);
    while (at.size() < sender.sent.size()) at.push_back((now - begin + 500) / 1000);
  }
  for (const Buffer& packet : sender.sent) drawn += packet.size();
  EXPECT_EQ(at, (std::vector<std::uint64_t>{1, 3}));
  EXPECT_LE(drawn, 3 * request.size());
  EXPECT_EQ(give(request)[0].second, sender.sent[0]) << "the same request, within a minute";
  EXPECT_EQ(counter("offered"), 1u);
}

TEST_F(TftpServing, NoAnswerButTheFirstDataIsMoreThanThreeTimesItsRequest) {
  for (const Buffer& packet :
       {rrq(""), rrq("n\0octet\0"s), rrq("..\0octet\0"s), rrq("n\0m\0"s), rrq("file\0octet\0blksize\0001\0"s),
        rrq("file\0octet\0tsize\0000\0"s), rrq("file\0octet\0blksize\00065464\0windowsize\00065535\0timeout\0001\0"s),
        bytes("\0\7"s), bytes("\0\2n\0octet\0"s)}) {
    for (const auto& [port, answer] : give(packet)) EXPECT_LE(answer.size(), 3 * packet.size()) << answer.data() + 4;
  }
  const Buffer ack = numbered(Opcode::ack, 1);
  const auto answer = give(ack, 50'000);
  ASSERT_EQ(answer.size(), 1u);
  EXPECT_EQ(answer[0].second.size(), 3 * ack.size());
}

TEST_F(TftpServing, WhatIsNeverAnswered) {
  EXPECT_TRUE(give(bytes("\0\5\0\1no\0"s)).empty()) << "an ERROR";
  EXPECT_TRUE(give(bytes("\0\5\0\1no\0"s), 50'000).empty());
  EXPECT_TRUE(give(numbered(Opcode::data, 1)).empty()) << "what we send, sent back";
  EXPECT_TRUE(give(numbered(Opcode::data, 1), 50'000).empty());
  EXPECT_TRUE(give(bytes("\0\6blksize\000512\0"s), 50'000).empty());
  EXPECT_TRUE(give({}).empty());
  EXPECT_TRUE(give({0}, 50'000).empty());
  for (const std::uint16_t port : {std::uint16_t{69}, std::uint16_t{53}, std::uint16_t{7}}) {
    asker.peer_port = port;
    EXPECT_TRUE(give(rrq("file\0octet\0"s)).empty()) << port;
    EXPECT_TRUE(give(numbered(Opcode::ack, 1), 50'000).empty()) << port;
  }
  asker.peer_port = 50'000;
  EXPECT_EQ(give(rrq("file\0octet\0"s)).size(), 1u) << "a client's port may be one of our TIDs";
}

TEST_F(TftpServing, AnotherPeerDoesNotEndATransfer) {
  const std::uint16_t tid = give(rrq("file\0octet\0"s))[0].first;
  ASSERT_EQ(give(numbered(Opcode::ack, 1), tid).size(), 1u);
  asker.address[3] = 9;
  EXPECT_EQ(give(numbered(Opcode::ack, 2), tid)[0].second[1], 5) << "ERROR";
  EXPECT_TRUE(give(bytes("\0\5\0\0\0"s), tid).empty());
  asker.address[3] = 1;
  EXPECT_EQ(give(numbered(Opcode::ack, 2), tid)[0].second[3], 3) << "block 3";
}

TEST_F(TftpServing, AFullTableKeepsTheEstablished) {
  std::vector<std::uint16_t> tids;
  for (unsigned i = 0; i < 4; ++i) {
    ++asker.peer_port;
    tids.push_back(give(rrq("file\0octet\0"s))[0].first);
    if (i < 2) {
      ASSERT_EQ(give(numbered(Opcode::ack, 1), tids[i]).size(), 1u);
    }
  }
  for (unsigned i = 0; i < 100; ++i) {
    ++asker.peer_port;
    EXPECT_EQ(give(rrq("file\0octet\0"s)).size(), 1u);
  }
  EXPECT_EQ(counter("evicted"), 100u);
  asker.peer_port = 40'001;
  EXPECT_EQ(give(numbered(Opcode::ack, 2), tids[0]).size(), 1u);
}

TEST_F(TftpServing, AFileThatIsNotKeptEndsItsTransfer) {
  const std::uint16_t tid = give(rrq("file\0octet\0"s))[0].first;
  const files::FileSet empty;
  published.current = &empty;
  EXPECT_EQ(give(numbered(Opcode::ack, 1), tid)[0].second, bytes("\0\5\0\0changed\0"s));
  EXPECT_EQ(counter("gone"), 1u);
}

}  // namespace
}  // namespace gl::tftp
