// Numbers of NFS version 3 and of its MOUNT protocol.
// Thread: constants. Source: RFC 1813 sections 2.6, 3 and 5.
#pragma once

#include <cstddef>
#include <cstdint>

namespace gl::nfs {

inline constexpr std::uint32_t kNfsProgram = 100003;
inline constexpr std::uint32_t kMountProgram = 100005;
inline constexpr std::uint32_t kVersion = 3;  // of both
inline constexpr std::uint16_t kNfsPort = 2049;

inline constexpr std::size_t kMaxHandle = 64;   // NFS3_FHSIZE
inline constexpr std::size_t kMaxName = 255;    // of a file
inline constexpr std::size_t kMaxPath = 1024;   // MNTPATHLEN
inline constexpr std::size_t kMaxRead = 32768;  // bytes of a READ over TCP

enum class NfsStatus : std::uint32_t {
  ok = 0,
  not_found = 2,
  access = 13,
  not_directory = 20,
  is_directory = 21,
  invalid = 22,
  read_only = 30,
  name_too_long = 63,
  stale = 70,
  bad_handle = 10001,
  bad_cookie = 10003,
  too_small = 10005,
  server_fault = 10006
};

enum class MountStatus : std::uint32_t { ok = 0, not_found = 2, access = 13, not_directory = 20, name_too_long = 63 };

enum class FileType : std::uint32_t { regular = 1, directory = 2, link = 5 };

// ACCESS (section 3.3.4). Everything else is about changes.
inline constexpr std::uint32_t kAccessRead = 0x01;
inline constexpr std::uint32_t kAccessLookup = 0x02;
inline constexpr std::uint32_t kAccessExecute = 0x20;

// FSINFO's properties (section 3.3.19): symbolic links, and PATHCONF is the same for every file.
inline constexpr std::uint32_t kProperties = 0x0002 | 0x0008;

}  // namespace gl::nfs
