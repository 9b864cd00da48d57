// SPDX-License-Identifier: MIT
//
// A tmpfs against a model that keeps every file as a string and a set of pages.
#include <rapidcheck.h>

#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "unit/files/fixture.h"

namespace memcgfs::files::testing {
namespace {

constexpr std::uint64_t kMost = 12 * kPageSize;  // of offsets and sizes
constexpr Pages kBlocks{10};

enum class What : std::uint8_t { kWrite, kZeros, kTruncate, kPunch, kAllocate, kRename, kUnlink };

struct Action {
    What what{};
    std::uint64_t file = 0;
    std::uint64_t other = 0;
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
};

std::ostream& operator<<(std::ostream& out, const Action& action) {
    return out << "{" << static_cast<int>(action.what) << ", " << action.file << ", "
               << action.other << ", " << action.offset << ", " << action.size << "}";
}

rc::Gen<std::uint64_t> places() {
    const auto any = rc::gen::inRange<std::uint64_t>(0, kMost);
    return rc::gen::oneOf(
        any, rc::gen::map(any, [](std::uint64_t at) { return at / kPageSize * kPageSize; }));
}

rc::Gen<Action> actions() {
    return rc::gen::map(
        rc::gen::tuple(rc::gen::inRange(0, 7), rc::gen::inRange<std::uint64_t>(0, 3),
                       rc::gen::inRange<std::uint64_t>(0, 3), places(), places()),
        [](const auto& parts) {
            return Action{static_cast<What>(std::get<0>(parts)), std::get<1>(parts),
                          std::get<2>(parts), std::get<3>(parts), std::get<4>(parts)};
        });
}

struct ModelFile {
    std::string content;
    std::set<std::uint64_t> pages;

    void resize(std::uint64_t size) {
        if (size < content.size()) {
            pages.erase(pages.lower_bound((size + kPageSize - 1) / kPageSize), pages.end());
        }
        content.resize(size);
    }
};

class Pair {
public:
    void act(const Action& action, char letter) {
        const std::string name = std::to_string(action.file);
        const std::string other = std::to_string(action.other);
        switch (action.what) {
            case What::kWrite:
            case What::kZeros:
                write(name, action.offset,
                      std::string(action.size, action.what == What::kZeros ? '\0' : letter));
                break;
            case What::kTruncate:
                RC_ASSERT(real_.fs.setattr(file(name), {.size = action.offset}).ok());
                model_[name].resize(action.offset);
                break;
            case What::kPunch:
                punch(name, action.offset, action.size);
                break;
            case What::kAllocate: {
                const PageRun run = pages_of(action.offset, action.size);
                const auto done = real_.fs.allocate(file(name), run);
                RC_ASSERT(done.ok() == (allocate(model_[name], run) > 0 || run.count == 0));
                break;
            }
            case What::kRename:
                file(name);
                RC_ASSERT(real_.fs.rename({kRootInode, name}, {kRootInode, other}, 0).ok());
                if (name != other) {
                    model_[other] = std::move(model_[name]);
                    model_.erase(name);
                }
                break;
            case What::kUnlink:
                RC_ASSERT(real_.fs.unlink({kRootInode, name}).ok() == (model_.erase(name) > 0));
                break;
        }
    }

    void compare() {
        std::uint64_t used = 0;
        std::uint64_t kept = 0;
        RC_ASSERT(real_.fs.list(kRootInode, 0, 100).size() == model_.size());
        for (auto& [name, model] : model_) {
            const InodeId id = real_.fs.lookup({kRootInode, name}).value();
            const struct stat status = real_.stat(id);
            RC_ASSERT(static_cast<std::uint64_t>(status.st_size) == model.content.size());
            RC_ASSERT(static_cast<std::uint64_t>(status.st_blocks) == model.pages.size() * 8);
            RC_ASSERT(real_.read(id, 0, 2 * kMost) == model.content);
            for (std::uint64_t page = 0; page < 2 * kMost / kPageSize; page++) {
                RC_ASSERT(real_.fs.present(id, {page, 1}) == model.pages.count(page));
                const std::string text = model.content.substr(
                    std::min<std::size_t>(model.content.size(), page * kPageSize), kPageSize);
                kept += text.find_first_not_of('\0') != std::string::npos ? 1 : 0;
            }
            used += model.pages.size();
        }
        RC_ASSERT(real_.fs.statfs().f_bfree == kBlocks.count() - used);
        const Pages banked = real_.bank.in_memory() + real_.bank.in_file();
        RC_ASSERT(banked.count() >= kept);
        RC_ASSERT(banked.count() <= used);
    }

private:
    InodeId file(const std::string& name) {
        model_.try_emplace(name);
        const auto there = real_.fs.lookup({kRootInode, name});
        return there.ok() ? *there : real_.make(name);
    }

    /// How many of the run's first pages there are then.
    std::uint64_t allocate(ModelFile& model, PageRun run) {
        std::uint64_t used = 0;
        for (const auto& [name, one] : model_) {
            used += one.pages.size();
        }
        for (std::uint64_t page = run.first; page < run.first + run.count; page++) {
            if (!model.pages.contains(page)) {
                if (used == kBlocks.count()) {
                    return page - run.first;
                }
                model.pages.insert(page);
                used++;
            }
        }
        return run.count;
    }

    void write(const std::string& name, std::uint64_t offset, const std::string& text) {
        const InodeId id = file(name);
        ModelFile& model = model_[name];
        if (text.empty()) {
            return;
        }
        const PageRun run = pages_of(offset, text.size());
        const std::uint64_t pages = allocate(model, run);
        const auto written = real_.write(id, offset, text);
        RC_ASSERT(written.ok() == (pages > 0));
        if (pages > 0) {
            const std::uint64_t size =
                std::min<std::uint64_t>(text.size(), (run.first + pages) * kPageSize - offset);
            RC_ASSERT(*written == size);
            model.content.resize(std::max<std::size_t>(model.content.size(), offset + size));
            model.content.replace(offset, size, text.substr(0, size));
        }
    }

    void punch(const std::string& name, std::uint64_t offset, std::uint64_t size) {
        RC_ASSERT(real_.fs.punch_hole(file(name), offset, size).ok());
        ModelFile& model = model_[name];
        for (std::uint64_t at = offset; at < offset + size && at < model.content.size(); at++) {
            model.content[at] = '\0';
        }
        std::erase_if(model.pages, [&](std::uint64_t page) {
            return page * kPageSize >= offset && (page + 1) * kPageSize <= offset + size;
        });
    }

    Fixture real_{{.blocks = kBlocks}, Pages{3}};
    std::map<std::string, ModelFile> model_;
};

}  // namespace
}  // namespace memcgfs::files::testing

int main() {
    using namespace memcgfs::files::testing;
    const bool same = rc::check("a tmpfs keeps what a simple model keeps", [] {
        const auto steps = *rc::gen::container<std::vector<Action>>(actions());
        Pair pair;
        char letter = 'a';
        for (const Action& action : steps) {
            pair.act(action, letter);
            pair.compare();
            letter = letter == 'z' ? 'a' : static_cast<char>(letter + 1);
        }
    });
    return same ? EXIT_SUCCESS : EXIT_FAILURE;
}
