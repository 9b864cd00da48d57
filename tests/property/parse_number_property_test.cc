// SPDX-License-Identifier: MIT
//
// The number parsers against slow and simple models of what they should do.
#include <rapidcheck.h>

#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "memcgfs/base/parse_number.h"
#include "memcgfs/interface/controllers.h"
#include "memcgfs/interface/event_control.h"

namespace memcgfs {
namespace {

const std::string kSpaces = " \t\n\v\f\r\xa0";

/// Text that is often nearly a number.
rc::Gen<std::string> number_like() {
    return rc::gen::container<std::string>(rc::gen::weightedOneOf<char>({
        {8, rc::gen::elementOf(std::string("0123456789"))},
        {2, rc::gen::elementOf(std::string("xXabcdefABCDEF"))},
        {2, rc::gen::elementOf(std::string("kKmMgGtTpPeE"))},
        {2, rc::gen::elementOf(std::string("+-\n ") + std::string(1, '\0'))},
        {1, rc::gen::arbitrary<char>()},
    }));
}

rc::Gen<std::string> spaces() {
    return rc::gen::container<std::string>(rc::gen::elementOf(kSpaces));
}

template <class T>
bool same(const Result<T>& a, const Result<T>& b) {
    return a.ok() == b.ok() && (a.ok() ? *a == *b : a.error() == b.error());
}

/// What kstrtoull does, digit by digit in 128 bits.
struct Model {
    std::optional<Errno> error;
    std::uint64_t value = 0;
};

Model model_u64(std::string text) {
    text = text.substr(0, text.find('\0'));
    if (!text.empty() && text.back() == '\n') {
        text.pop_back();
    }
    if (!text.empty() && text.front() == '+') {
        text.erase(0, 1);
    }
    std::string digits = "0123456789";
    unsigned base = 10;
    if (text.size() > 2 && text[0] == '0' && (text[1] | 0x20) == 'x' &&
        std::string("0123456789abcdefABCDEF").find(text[2]) != std::string::npos) {
        base = 16;
        digits = "0123456789abcdef";
        text.erase(0, 2);
    } else if (!text.empty() && text[0] == '0') {
        base = 8;
        digits = "01234567";
    }
    __extension__ using Wide = unsigned __int128;
    Wide value = 0;
    bool overflow = false;
    std::size_t at = 0;
    for (; at < text.size(); ++at) {
        const char c = base == 16 && text[at] >= 'A' && text[at] <= 'F'
                           ? static_cast<char>(text[at] | 0x20)
                           : text[at];
        const std::size_t digit = digits.find(c);
        if (digit == std::string::npos) {
            break;
        }
        value = overflow ? value : value * base + digit;
        overflow = overflow || value > UINT64_MAX;
    }
    if (overflow) {
        return {Errno::kERANGE, 0};
    }
    if (at == 0 || at != text.size()) {
        return {Errno::kEINVAL, 0};
    }
    return {std::nullopt, static_cast<std::uint64_t>(value)};
}

bool printed_pages_parse_back() {
    return rc::check("page values: print, parse", [](std::uint64_t bytes) {
        const Pages pages = pages_floor(Bytes{bytes});
        const std::string before = *spaces();
        const std::string after = *spaces();
        char hex[32];
        char octal[32];
        std::snprintf(hex, sizeof hex, "%#llx", static_cast<unsigned long long>(bytes));
        std::snprintf(octal, sizeof octal, "0%llo", static_cast<unsigned long long>(bytes));
        for (const std::string& text :
             {std::to_string(bytes), std::string(hex), std::string(octal)}) {
            const auto parsed = parse_pages(before + text + after, "max");
            RC_ASSERT(parsed.ok());
            RC_ASSERT(*parsed == pages);
        }
    });
}

bool suffixes_multiply() {
    return rc::check("page values: suffixes multiply modulo 2^64", [](std::uint64_t number) {
        const std::string letters = "kmgtpe";
        const auto index = *rc::gen::inRange<std::size_t>(0, letters.size());
        const char suffix =
            *rc::gen::element(letters[index], static_cast<char>(letters[index] - 'a' + 'A'));
        const auto parsed = memparse(std::to_string(number) + suffix);
        RC_ASSERT(parsed.value == number << (10 * (index + 1)));
        RC_ASSERT(parsed.length == std::to_string(number).size() + 1);
    });
}

bool nothing_counts_after_nul() {
    return rc::check("nothing counts from the first NUL on", [] {
        const std::string text = *number_like();
        const std::string tail = text + std::string(1, '\0') + *rc::gen::arbitrary<std::string>();
        RC_ASSERT(same(parse_pages(text, "max"), parse_pages(tail, "max")));
        RC_ASSERT(same(parse_u64(text), parse_u64(tail)));
        RC_ASSERT(same(parse_i32(text), parse_i32(tail)));
        RC_ASSERT(same(parse_u32(text), parse_u32(tail)));
        RC_ASSERT(same(parse_pid(text), parse_pid(tail)));
    });
}

bool strip_strips() {
    return rc::check("strip takes white space off both ends, and nothing else", [] {
        const std::string text = *number_like();
        const std::string inner(strip(text));
        RC_ASSERT(strip(inner) == inner);
        RC_ASSERT((inner.empty() || (kSpaces.find(inner.front()) == std::string::npos &&
                                     kSpaces.find(inner.back()) == std::string::npos)));
        RC_ASSERT(strip(*spaces() + inner + *spaces()) == inner);
    });
}

bool u64_is_the_model() {
    return rc::check("u64 values are as the model's", [] {
        const std::string text = *number_like();
        const Model model = model_u64(text);
        const auto parsed = parse_u64(text);
        RC_ASSERT(parsed.ok() == !model.error.has_value());
        if (parsed.ok()) {
            RC_ASSERT(*parsed == model.value);
        } else {
            RC_ASSERT(parsed.error() == *model.error);
        }
    });
}

bool integers_fit_or_are_out_of_range() {
    return rc::check("small integers fit or are out of range", [](std::int64_t wide) {
        const std::int64_t value = *rc::gen::element(wide, wide % 5'000'000'000, wide % 100);
        const auto parsed = parse_i32(*spaces() + std::to_string(value) + *spaces());
        if (value >= INT32_MIN && value <= INT32_MAX) {
            RC_ASSERT(parsed.ok());
            RC_ASSERT(*parsed == value);
        } else {
            RC_ASSERT(parsed.error() == Errno::kERANGE);
        }
        const auto unsigned_value = parse_u32(std::to_string(value));
        RC_ASSERT(unsigned_value.ok() == (value >= 0 && value <= UINT32_MAX));
    });
}

bool pids_never_say_erange() {
    return rc::check("pids are numbers or EINVAL", [] {
        const std::string text = *number_like();
        const auto pid = parse_pid(text);
        // RC_ASSERT takes an expression apart, so || would evaluate both sides.
        RC_ASSERT((pid.ok() || pid.error() == Errno::kEINVAL));
        RC_ASSERT((!pid.ok() || *pid >= 0));
    });
}

bool subtree_control_ends_with_the_last_word() {
    return rc::check("of one controller the last token counts", [] {
        const auto tokens = *rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(
            std::vector<std::string>{"+memory", "-memory", "+io", "-io", "", "+pids"}));
        std::string text;
        std::optional<char> memory;
        for (const std::string& token : tokens) {
            text += token + " ";
            if (token.ends_with("memory")) {
                memory = token[0];
            }
        }
        const auto change = interface::parse_subtree_control(text, *engine::find_profile("6.12"));
        const auto bit = engine::mask_of(engine::Controller::kMemory);
        RC_ASSERT(change.ok());
        RC_ASSERT(((change->enable & bit) != 0) == (memory == '+'));
        RC_ASSERT(((change->disable & bit) != 0) == (memory == '-'));
    });
}

bool event_requests_print_and_parse() {
    return rc::check("event requests: print, parse", [](std::uint32_t event, std::uint32_t file) {
        const std::string arguments = *rc::gen::element<std::string>("", "5M", "low,local");
        const std::string text = std::to_string(event) + " " + std::to_string(file) +
                                 (arguments.empty() ? "" : " " + arguments) + "\n";
        const auto request = interface::parse_event_request(text);
        RC_ASSERT(request.ok());
        RC_ASSERT(request->event_fd == event);
        RC_ASSERT(request->control_fd == file);
        RC_ASSERT(request->arguments == arguments);
    });
}

}  // namespace
}  // namespace memcgfs

int main() {
    bool good = memcgfs::printed_pages_parse_back();
    good = memcgfs::suffixes_multiply() && good;
    good = memcgfs::nothing_counts_after_nul() && good;
    good = memcgfs::strip_strips() && good;
    good = memcgfs::u64_is_the_model() && good;
    good = memcgfs::integers_fit_or_are_out_of_range() && good;
    good = memcgfs::pids_never_say_erange() && good;
    good = memcgfs::subtree_control_ends_with_the_last_word() && good;
    good = memcgfs::event_requests_print_and_parse() && good;
    return good ? 0 : 1;
}
