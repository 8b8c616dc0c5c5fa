//===- KeyTest.cpp - what is in a key, and what is not ------------------------===//

#include "compiler/Cache/BuildId.h"
#include "compiler/Cache/KernelKey.h"
#include "compiler/Cache/KeyBuilder.h"

#include "llvm/ADT/StringExtras.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>

using namespace moec;
using moert::CacheKey;
using moert::CompileRequest;
using moert::EntryKind;

static moert::Entry entryOf(const CacheKey &key) { return moert::Entry(key.text); }

TEST(KeyBuilder, Blake3) {
  // From the reference implementation's test vectors.
  EXPECT_EQ(blake3(""), "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262");
}

TEST(KeyBuilder, PartsAreLines) {
  CacheKey key = KeyBuilder(EntryKind::Package).add("a", "1\n2: \\3").add("b", "").build("13.0.88");
  EXPECT_EQ(key.text, "kind: package\na: 1\\n2: \\\\3\nb: \nnvrtc: 13.0.88\n");
  EXPECT_EQ(moert::findPart(key.text, "a"), "1\\n2: \\\\3");
  EXPECT_TRUE(key.isExact());
  EXPECT_TRUE(moert::parseEntryName(key.fileName()));
}

TEST(KeyBuilder, NvrtcIsOutsideTheBase) {
  KeyBuilder builder(EntryKind::Kernel);
  builder.add("source", "x");
  CacheKey old = builder.build("12.9.41"), current = builder.build("13.0.88"),
           any = builder.build("");
  EXPECT_EQ(old.base, current.base);
  EXPECT_NE(old.digest, current.digest);
  EXPECT_FALSE(any.isExact());
  EXPECT_TRUE(current.fileName().starts_with(any.fileName()));
  EXPECT_TRUE(any.matches(old.text));
  EXPECT_FALSE(current.matches(old.text));
}

TEST(KeyBuilder, NamesAreChecked) {
  for (const CacheKey &key : {KeyBuilder(EntryKind::Kernel).add("a", "1").build("13.0.88"),
                              KeyBuilder(EntryKind::Toolchain).add("a", "1").build()}) {
    moert::EntryName name = *moert::parseEntryName(key.fileName());
    EXPECT_EQ(checkEntry(name, entryOf(key)), "");
    moert::EntryName wrong = name;
    wrong.digest[5] ^= 1;
    EXPECT_NE(checkEntry(wrong, entryOf(key)), "");
    wrong = name;
    wrong.base[5] ^= 1;
    EXPECT_NE(checkEntry(wrong, entryOf(key)), "");
    wrong = name;
    wrong.kind = EntryKind::Package;
    EXPECT_NE(checkEntry(wrong, entryOf(key)), "");
    moert::Entry other = entryOf(key);
    other.key += "more: 1\n";
    EXPECT_NE(checkEntry(name, other), "");
  }
}

TEST(KernelKey, EveryPartChangesIt) {
  static constexpr moert::SourceHeader kHeaders[] = {{"moe/a.cuh", "#include \"moe/b.cuh\"\n"},
                                                     {"moe/b.cuh", "int b;\n"},
                                                     {"moe/c.cuh", "int c;\n"}};
  static constexpr moert::SourceHeader kOtherB[] = {{"moe/a.cuh", "#include \"moe/b.cuh\"\n"},
                                                    {"moe/b.cuh", "int b2;\n"},
                                                    {"moe/c.cuh", "int c;\n"}};
  static constexpr moert::SourceHeader kOtherC[] = {{"moe/a.cuh", "#include \"moe/b.cuh\"\n"},
                                                    {"moe/b.cuh", "int b;\n"},
                                                    {"moe/c.cuh", "int c2;\n"}};
  CompileRequest request;
  request.name = "k";
  request.source = "  #  include \"moe/a.cuh\"\n__global__ void k() {}\n";
  request.headers = kHeaders;
  std::set<std::string> digests;
  auto digest = [](const CompileRequest &request, const char *nvrtc = "13.0.88") {
    return kernelKey(request, nvrtc).digest;
  };
  std::string first = digest(request);
  EXPECT_EQ(digest(request), first);
  digests.insert(first);
  CompileRequest changed = request;
  changed.name = "l";
  digests.insert(digest(changed));
  changed = request;
  changed.source += " ";
  digests.insert(digest(changed));
  changed = request;
  changed.arch = "sm_80";
  digests.insert(digest(changed));
  changed = request;
  changed.options = {"-lineinfo"};
  digests.insert(digest(changed));
  changed = request;
  changed.headers = kOtherB; // reached through a.cuh
  digests.insert(digest(changed));
  digests.insert(digest(request, "13.0.48"));
  EXPECT_EQ(digests.size(), 7u);

  // A header that is not included, and the environment, change nothing.
  changed = request;
  changed.headers = kOtherC;
  EXPECT_EQ(digest(changed), first);
  ::setenv("MOEC_NVRTC", "/elsewhere", 1);
  ::setenv("HOME", "/elsewhere", 1);
  EXPECT_EQ(digest(request), first);
}

TEST(KernelKey, EveryHeaderThatIsReachedCounts) {
  auto digest = [](const char *a, const char *b, const char *d) {
    const moert::SourceHeader headers[] = {{"moe/a.cuh", a},
                                           {"moe/b.cuh", b},
                                           {"moe/c.cuh", "#include \"moe/d.cuh\"\n"},
                                           {"moe/d.cuh", d}};
    CompileRequest request;
    request.source = "#include <moe/a.cuh>\n#include \"moe/b.cuh\"\n#include \"moe/c.cuh\"\n";
    request.headers = headers;
    return kernelKey(request, "13.0.88").digest;
  };
  std::set<std::string> digests = {
      digest("int a;\n", "int b;\n", "int d;\n"), digest("int e;\n", "int b;\n", "int d;\n"),
      digest("int a;\n", "int e;\n", "int d;\n"), digest("int a;\n", "int b;\n", "int e;\n"),
      digest("int a;\nint b;\n", "", "int d;\n")};
  EXPECT_EQ(digests.size(), 5u);
}

TEST(KernelKey, EntriesRoundTrip) {
  moert::CompiledKernel kernel;
  kernel.name = "k";
  kernel.ptx = "ptx";
  kernel.cubin = std::string("cu\0bin", 6);
  kernel.log = "ptxas info    : Compiling entry function 'k' for 'sm_90a'\n"
               "ptxas info    : Used 40 registers\n";
  CompileRequest request;
  request.name = "k";
  moert::Entry entry = kernelToEntry(kernelKey(request, "13.0.88"), kernel);
  moert::Result<moert::CompiledKernel> back = kernelFromEntry("k", entry);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->ptx, kernel.ptx);
  EXPECT_EQ(back->cubin, kernel.cubin);
  EXPECT_EQ(back->log, kernel.log);
  ASSERT_TRUE(back->findEntry("k"));
  EXPECT_EQ(back->findEntry("k")->registers, 40u);
  EXPECT_FALSE(kernelFromEntry("k", moert::Entry(entry.key)));
  for (const char *lost : {"ptx", "cubin", "log"}) {
    moert::Entry part(entry.key);
    for (const char *section : {"ptx", "cubin", "log"})
      if (std::string_view(section) != lost)
        part.add(section, std::string(*entry.find(section)));
    EXPECT_FALSE(kernelFromEntry("k", part)) << lost;
  }
}

TEST(BuildId, IsThatOfThisProgram) {
  EXPECT_GE(buildId().size(), 16u);
  EXPECT_FALSE(buildId().starts_with("unknown"));
  // As the linker wrote it: the sizes of a name and of the digest, a type, the name.
  std::ifstream file("/proc/self/exe", std::ios::binary);
  std::string program(std::istreambuf_iterator<char>(file), {});
  size_t at = program.find(std::string("\x03\0\0\0GNU\0", 8));
  ASSERT_TRUE(at != std::string::npos && at >= 8);
  EXPECT_EQ(program.substr(at - 8, 4), std::string("\x04\0\0\0", 4));
  size_t size = static_cast<unsigned char>(program[at - 4]);
  EXPECT_EQ(buildId(), llvm::toHex(program.substr(at + 8, size), /*LowerCase=*/true));
}
