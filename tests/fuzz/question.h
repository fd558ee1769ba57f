// A DNS query with EDNS and DO: `name` as on the wire, without its last byte. Thread: pure function.
#pragma once

#include <string>

namespace gl::fuzz {

inline std::string question(const char* name, char type) {
  std::string query("\x12\x34\0\0\0\1\0\0\0\0\0\1", 12);
  query += name;
  query += std::string("\0\0", 2) + type + std::string("\0\1", 2);
  return query + std::string("\0\0\x29\x10\0\0\0\x80\0\0\0", 11);
}

}  // namespace gl::fuzz
