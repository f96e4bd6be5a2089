/* SPDX-License-Identifier: Apache-2.0 */
/* cvk_philox beside the vectors that its authors publish for philox4x32 of 10 rounds (Random123, kat_vectors). */
#include "harness.h"

static const struct {
  uint32_t counter[4], key[2], out[4];
} known[] = {
    {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
    {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
    {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}, {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
};

START_TEST(test_known) {
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    uint32_t out[4];
    cvk_philox(known[i].counter, known[i].key, out);
    ck_assert_mem_eq(out, known[i].out, sizeof out);
  }
}
END_TEST

START_TEST(test_in_place) {
  uint32_t word[4];
  memcpy(word, known[2].counter, sizeof word);
  cvk_philox(word, known[2].key, word);
  ck_assert_mem_eq(word, known[2].out, sizeof word);
}
END_TEST

SUITE("philox", test_known, test_in_place)
