// SPDX-License-Identifier: MIT
#include "memcgfs/replay/document.h"

#include <string>
#include <vector>

#include "support/catch.hpp"

namespace memcgfs::replay {
namespace {

/// What commands are where the tests run.
bool is_known(std::string_view word) {
    for (const std::string_view known :
         {"echo", "cat", "mkdir", "mount", "free", "swapoff", "stat", "dd", "./shm"}) {
        if (word == known) {
            return true;
        }
    }
    return false;
}

Document parsed(std::string_view text) {
    auto document = parse_document(text, is_known);
    INFO((document.ok() ? std::string() : document.error()));
    REQUIRE(document.ok());
    return std::move(document).value();
}

/// "line: command -> shown" for each command, blocks separated by "--".
std::vector<std::string> outline(std::string_view text) {
    std::vector<std::string> out;
    for (const Block& block : parsed(text).blocks) {
        if (!out.empty()) {
            out.emplace_back("--");
        }
        for (const Command& command : block.commands) {
            out.push_back(std::to_string(command.line) + ": " + command.text +
                          (command.shown ? " -> " + *command.shown : ""));
        }
    }
    return out;
}

using Outline = std::vector<std::string>;

TEST_CASE("fenced blocks of commands are found, others are not", "[replay]") {
    CHECK(outline("# Title\n\n```sh\nfrob a\n```\ntext\n```c\necho a;\n```\n~~~\nmkdir a\n~~~\n") ==
          Outline{"4: frob a", "--", "11: mkdir a"});
    CHECK(outline("```\nwhen set to 0, it is empty\n```\n```\nmkdir a\necho 1 > a/b\n```\n") ==
          Outline{"5: mkdir a", "6: echo 1 > a/b"});
    CHECK(outline("````console\n$ cat a\n```\n````\n") == Outline{"2: cat a -> ```"});
}

TEST_CASE("a block in a list item may be indented", "[replay]") {
    CHECK(outline(
              "1.  创建测试文件。\n\n    ```\n    mkdir /a/\n    ```\n\n    本示例限制为1 G。\n") ==
          Outline{"4: mkdir /a/"});
    CHECK(outline("-   运行以下命令：\n\n        cat a\n\n    text\n\n    echo text\n") ==
          Outline{"3: cat a"});
    CHECK(outline("text\n\n    mkdir a\n\n    cat a/b\n\ntext\n") ==
          Outline{"3: mkdir a", "5: cat a/b"});
    CHECK(outline("text\n    mkdir not code\n\n    mkdir code\n") == Outline{"4: mkdir code"});
}

TEST_CASE("behind a prompt is a command, between prompts its output", "[replay]") {
    CHECK(outline("```\n[root@tencent64 ~]# mkdir /tmp/x  \n[root@tencent64 ~]# free -g\n"
                  "  total  used\nMem: 1\n[root@tencent64 ~]#   \n[1]+  Exit 1   ./mmap\n```\n") ==
          Outline{"2: mkdir /tmp/x -> ", "3: free -g ->   total  used\nMem: 1"});
    CHECK(outline("```console\nme@host:~/a$ cat x\n1\n# no prompt\n```\n") ==
          Outline{"2: cat x -> 1\n# no prompt"});
    CHECK(outline("```\n$ echo a\n$ echo b\n```\n") == Outline{"2: echo a", "3: echo b"});
    CHECK(outline("```\n# mount x\n# swapoff -a\n```\n") == Outline{"2: mount x", "3: swapoff -a"});
    CHECK(outline("```sh\n# mount it\nmount x\n```\n") == Outline{"3: mount x"});
}

TEST_CASE("a command may have several lines", "[replay]") {
    CHECK(outline("```sh\necho a \\\n  b\nfor i in 1 2\ndo\n  echo $i\ndone\n```\n") ==
          Outline{"2: echo a \\\n  b", "4: for i in 1 2\ndo\n  echo $i\ndone"});
    CHECK(outline("```\n$ cat <<EOF > x\n> one\n> $ two\n> EOF\n$ cat x\none\n```\n") ==
          Outline{"2: cat <<EOF > x\none\n$ two\nEOF -> ", "6: cat x -> one"});
    CHECK(outline("```sh\nmove()\n{\necho \"a\nb\"\n}\nmove &\n```\n") ==
          Outline{"2: move()\n{\necho \"a\nb\"\n}", "7: move &"});
    CHECK(outline(
              "```sh\necho `cat x` $(cat (y)\n) | cat\necho 'a ( b' && \ncat z # ) it's\n```\n") ==
          Outline{"2: echo `cat x` $(cat (y)\n) | cat", "4: echo 'a ( b' &&\ncat z # ) it's"});
}

TEST_CASE("text without fences has commands behind prompts", "[replay]") {
    CHECK(outline("例如：\n\n# mount -t cgroup none /cgroup\n\n#swapoff -a\n\n# 将任务移动\n\n"
                  "#echo 50M > /x\n\n并在其下进行\n") ==
          Outline{"3: mount -t cgroup none /cgroup", "5: swapoff -a", "--", "9: echo 50M > /x"});
    CHECK(outline("查看\nCopy $ stat -fc %T /x/\ncgroup2fs\n## or\n$ mount | cat\ncgroup2 on "
                  "/x\n对比\n") ==
          Outline{"2: stat -fc %T /x/ -> cgroup2fs", "--", "5: mount | cat -> cgroup2 on /x"});
    CHECK(outline("# Title\n\n$ echo a\n") == Outline{"3: echo a"});
}

TEST_CASE("headings of Markdown are no commands", "[replay]") {
    CHECK(outline("# free memory\n\n```sh\necho a\n```\n") == Outline{"4: echo a"});
}

TEST_CASE("a document that cannot be run is refused in one sentence", "[replay]") {
    const auto error = [](std::string_view text) {
        const auto document = parse_document(text, is_known);
        REQUIRE(!document.ok());
        return document.error();
    };
    CHECK(error("text\n```sh\necho a\n") == "line 2: the block that begins here is not closed");
    CHECK(error("~~~\n```\n") == "line 1: the block that begins here is not closed");
    CHECK(error("") == "there is no block of shell commands in it");
    CHECK(error("# Title\n\n```c\nint x;\n```\n") == "there is no block of shell commands in it");
}

TEST_CASE("lines that a list names are commands as they stand", "[replay]") {
    const std::vector<std::string> lines = split_lines(
        "prose\nmkdir a\n\nfrob a\n   $ cat a  \n   1\n\n   2\n#swapoff -a\n\n#echo 50M > /x\n");
    auto commands = commands_in(lines, 2, 4);
    REQUIRE(commands.ok());
    CHECK(*commands == std::vector<Command>{{2, "mkdir a", {}}, {4, "frob a", {}}});
    commands = commands_in(lines, 5, 8);
    REQUIRE(commands.ok());
    CHECK(*commands == std::vector<Command>{{5, "cat a", "1\n\n2"}});
    commands = commands_in(lines, 9, 11);
    REQUIRE(commands.ok());
    CHECK(*commands == std::vector<Command>{{9, "swapoff -a", {}}, {11, "echo 50M > /x", {}}});
    CHECK(commands_in(lines, 12, 12).error() == "it has no lines 12-12, only 11");
    CHECK(commands_in(lines, 3, 3).error() == "its lines 3-3 have no command");
}

}  // namespace
}  // namespace memcgfs::replay
