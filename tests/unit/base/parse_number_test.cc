// SPDX-License-Identifier: MIT
// Rows are those of the kernels 6.1, 6.12 and 6.18 as they answered.
#include "memcgfs/base/parse_number.h"

#include <string>
#include <vector>

#include "support/catch.hpp"

namespace memcgfs {
namespace {

using namespace std::string_literals;

constexpr std::string_view kMaxWord = "max";

std::uint64_t bytes_of(const std::string& text, std::string_view max_word = kMaxWord) {
    INFO("text: " << text);
    const auto pages = parse_pages(text, max_word);
    REQUIRE(pages.ok());
    return to_bytes(*pages).count();
}

template <class T>
bool is_error(const Result<T>& result, Errno error) {
    return !result.ok() && result.error() == error;
}

constexpr std::uint64_t kUnlimited = 9223372036854771712U;

TEST_CASE("page values: accepted texts", "[base][parse]") {
    const std::vector<std::pair<std::string, std::uint64_t>> rows = {
        {"4096", 4096},
        {"4096\n", 4096},
        {" 4096 ", 4096},
        {"\t4096\n\n", 4096},
        {"4096\r\n", 4096},
        {"\v4096\f", 4096},
        {"\xa0"s + "4096", 4096},
        {"4096\0junk"s, 4096},
        {"4095", 0},
        {"1", 0},
        {"1k", 0},
        {"4097", 4096},
        {"8191", 4096},
        {"10K", 8192},
        {"1m", 1U << 20U},
        {"1M", 1U << 20U},
        {"1g", 1U << 30U},
        {"1G", 1U << 30U},
        {"1t", 1ULL << 40U},
        {"1T", 1ULL << 40U},
        {"1p", 1ULL << 50U},
        {"1P", 1ULL << 50U},
        {"1e", 1ULL << 60U},
        {"1E", 1ULL << 60U},
        {"0x1000", 4096},
        {"0X2000", 8192},
        {"0x10K", 16384},
        {"010000", 4096},
        {"\n", 0},
        {" ", 0},
        {"\0 7M"s, 0},
        {"K", 0},
        {"M", 0},
        {"E", 0},
        {"0K", 0},
        {"8E", kUnlimited},
        {"15E", kUnlimited},
        {"9223372036854771712", kUnlimited},
        {"9223372036854775807", kUnlimited},
        {"18446744073709551615", kUnlimited},
        {"16E", 0},
        {"17E", 1ULL << 60U},
        {"18446744073709551616", 0},
        {"99999999999999999999999", 200376420520685568U},
    };
    for (const auto& [text, bytes] : rows) {
        CHECK(bytes_of(text, "max") == bytes);
        CHECK(bytes_of(text, "-1") == bytes);
    }
}

TEST_CASE("page values: the word for no limit", "[base][parse]") {
    for (const auto& text : {"max"s, " max "s, "\tmax"s, "max\n\n"s, "max\0x"s}) {
        CHECK(bytes_of(text, "max") == kUnlimited);
        CHECK(is_error(parse_pages(text, "-1"), Errno::kEINVAL));
    }
    for (const auto& text : {"-1"s, " -1\n"s, "-1\0"s}) {
        CHECK(bytes_of(text, "-1") == kUnlimited);
        CHECK(is_error(parse_pages(text, "max"), Errno::kEINVAL));
    }
    // memory.reclaim of 6.1: nothing means everything.
    CHECK(bytes_of("\n", "") == kUnlimited);
    CHECK(is_error(parse_pages("max", ""), Errno::kEINVAL));
}

TEST_CASE("page values: refused texts", "[base][parse]") {
    for (const auto* text :
         {"MAX", "Max",   "maxx",      "max 1",      "inf",   "unlimited", "-2",   "-0", "- 1",
          "-1K", "+4096", "+-1",       "1.5G",       "1,000", "1_000",     "50%",  "0x", "0xg",
          "08",  "0b11",  "1KB",       "1kb",        "1KK",   "1MiB",      "1b",   "1B", "4096x",
          "1e3", "1E3",   "4096 4096", "4096\n4096", "1 K",   "abc",       "4096#"}) {
        INFO("text: " << text);
        CHECK(is_error(parse_pages(text, "max"), Errno::kEINVAL));
        CHECK(is_error(parse_pages(text, "-1"), Errno::kEINVAL));
    }
}

TEST_CASE("u64 values", "[base][parse]") {
    for (const auto& text : {"1"s, "1\n"s, "+1"s, "0x1"s, "01"s, "1\0 x"s}) {
        INFO("text: " << text);
        const auto value = parse_u64(text);
        REQUIRE(value.ok());
        CHECK(*value == 1);
    }
    CHECK(*parse_u64("18446744073709551615") == UINT64_MAX);
    CHECK(*parse_u64("0xffffffffffffffff") == UINT64_MAX);
    for (const auto* text : {" 1", "1 ", "\t1", "1\n\n", "08", "0x", "-0", "-1", "++1", "1K", "1 1",
                             "\n", "abc", "", "+", "1\n0"}) {
        INFO("text: " << text);
        CHECK(is_error(parse_u64(text), Errno::kEINVAL));
    }
    for (const auto* text : {"18446744073709551616", "18446744073709551616x", "0x10000000000000000",
                             "99999999999999999999999"}) {
        INFO("text: " << text);
        CHECK(is_error(parse_u64(text), Errno::kERANGE));
    }
}

TEST_CASE("small integers", "[base][parse]") {
    for (const auto* text : {" 1 ", "1\n\n", "\t1", "0x1", "01", "+1"}) {
        INFO("text: " << text);
        const auto value = parse_i32(text);
        REQUIRE(value.ok());
        CHECK(*value == 1);
    }
    CHECK(*parse_i32("-0") == 0);
    CHECK(*parse_i32("-5") == -5);
    CHECK(*parse_i32("2147483647") == INT32_MAX);
    CHECK(*parse_i32("-2147483648") == INT32_MIN);
    for (const auto* text : {"\n", " ", "08", "0x", "++1", "1K", "1 1", "max", "", "+-1", "-+1",
                             "--1", "- 1", "1\n0"}) {
        INFO("text: " << text);
        CHECK(is_error(parse_i32(text), Errno::kEINVAL));
    }
    for (const auto* text : {"2147483648", "4294967297", "-2147483649", "9223372036854775808",
                             "18446744073709551616", "-9223372036854775809"}) {
        INFO("text: " << text);
        CHECK(is_error(parse_i32(text), Errno::kERANGE));
    }
}

TEST_CASE("unsigned integers of the wmark files", "[base][parse]") {
    for (const auto* text : {"95", " 95\n", "+95", "0x5f", "0137", "\v95\r"}) {
        INFO("text: " << text);
        const auto value = parse_u32(text);
        REQUIRE(value.ok());
        CHECK(*value == 95);
    }
    CHECK(*parse_u32("95\0xyz"s) == 95);
    CHECK(*parse_u32("4294967295") == UINT32_MAX);
    for (const auto* text : {"", " ", "max", "-1", "-0", "50%", "95.0", "0x", "08", "9 5", "95K"}) {
        INFO("text: " << text);
        CHECK(is_error(parse_u32(text), Errno::kEINVAL));
    }
    CHECK(is_error(parse_u32("4294967296"), Errno::kERANGE));
}

TEST_CASE("process ids", "[base][parse]") {
    CHECK(*parse_pid("0\n") == 0);
    CHECK(*parse_pid("+0") == 0);
    CHECK(*parse_pid(" 0x10 ") == 16);
    CHECK(*parse_pid("010") == 8);
    CHECK(*parse_pid("2147483647") == INT32_MAX);
    for (const auto* text : {"-1", "", " ", "\n", "x", "1 2", "1K", "2147483648", "4294967296",
                             "99999999999999999999999"}) {
        INFO("text: " << text);
        CHECK(is_error(parse_pid(text), Errno::kEINVAL));
    }
}

TEST_CASE("numbers at the start of a text say where they end", "[base][parse]") {
    CHECK(parse_digits("0x").length == 1);
    CHECK(parse_digits("0x1gz").length == 3);
    CHECK(parse_digits("08").length == 1);
    CHECK(parse_digits("abc").length == 0);
    CHECK(parse_decimal_digits("0x10").length == 1);
    CHECK(parse_decimal_digits("010 7").value == 10);
    CHECK(memparse("12kk").value == 12288);
    CHECK(memparse("12kk").length == 3);
    CHECK(memparse("swap").length == 0);
    CHECK(memparse("E").length == 1);
}

TEST_CASE("white space as the kernel sees it", "[base][parse]") {
    CHECK(strip("\xa0 a b\t\xa0") == "a b");
    CHECK(strip(" \n\0x"s).empty());
    CHECK(strip("\x85").size() == 1);
    CHECK(until_nul("ab\0c"s) == "ab");
}

}  // namespace
}  // namespace memcgfs
