/* SPDX-License-Identifier: Apache-2.0 */
/* test_wire.c: the protobuf wire reader: each wire type, repeated fields packed and not, groups, and every way to be damaged. */
#include "../harness.h"
#include "onnx/wire.h"
#include "write.h"

static cvk_wire open_bytes(const bytes *b) {
  return cvk_wire_open(b->data, (cvk_view){b->data, b->n});
}

START_TEST(test_each_wire_type) {
  bytes b = {0};
  put_int(&b, 1, -1);
  put_tag(&b, 2, 1);
  put(&b, "\1\2\3\4\5\6\7\10", 8);
  put_text(&b, 3, "abc");
  put_float(&b, 536870911, 1.5f);
  put_bytes(&b, 5, NULL, 0);
  cvk_wire w = open_bytes(&b);
  cvk_wire_field f;
  ck_ok(cvk_wire_next(&w, &f));
  ck_assert_uint_eq(f.number, 1);
  ck_assert_uint_eq(f.value, UINT64_MAX);
  ck_ok(cvk_wire_next(&w, &f));
  ck_assert_uint_eq(f.value, 0x0807060504030201u);
  ck_ok(cvk_wire_next(&w, &f));
  ck_assert(cvk_view_is(f.view, "abc"));
  ck_ok(cvk_wire_want(&w, &f, CVK_WIRE_BYTES));
  ck_fails(cvk_wire_want(&w, &f, CVK_WIRE_VARINT), CVK_IO_ERROR, "wire type 2, expected 0");
  ck_ok(cvk_wire_next(&w, &f));
  ck_assert_uint_eq(f.number, 536870911);
  ck_assert_float_eq(cvk_wire_f32(f.value), 1.5f);
  ck_ok(cvk_wire_next(&w, &f));
  ck_assert(cvk_view_is(f.view, ""));
  ck_ok(cvk_wire_next(&w, &f));
  ck_assert_uint_eq(f.number, 0);
  ck_ok(cvk_wire_next(&w, &f));
  ck_assert_uint_eq(f.number, 0);
  empty(&b);
}
END_TEST

START_TEST(test_empty_message_ends) {
  cvk_wire w = cvk_wire_open(NULL, (cvk_view){0});
  cvk_wire_field f;
  ck_ok(cvk_wire_next(&w, &f));
  ck_assert_uint_eq(f.number, 0);
}
END_TEST

/* Field 7 as 300, then packed {1, 2}, then 5, among other fields. */
START_TEST(test_repeated_packed_and_not) {
  static const uint64_t want[] = {300, 1, 2, 5};
  bytes b = {0};
  uint64_t n = 0, v = 0;
  int32_t more = 0;
  put_int(&b, 7, 300);
  put_text(&b, 1, "between");
  put_bytes(&b, 7, "\1\2", 2);
  put_bytes(&b, 7, "", 0);
  put_int(&b, 7, 5);
  cvk_wire_list l = cvk_wire_list_open(b.data, (cvk_view){b.data, b.n}, 7, CVK_WIRE_VARINT);
  ck_ok(cvk_wire_list_count(l, &n));
  ck_assert_uint_eq(n, 4);
  for (int i = 0; i < 4; i++) {
    ck_ok(cvk_wire_list_next(&l, &v, &more));
    ck_assert_int_eq(more, 1);
    ck_assert_uint_eq(v, want[i]);
  }
  ck_ok(cvk_wire_list_next(&l, &v, &more));
  ck_assert_int_eq(more, 0);
  empty(&b);
}
END_TEST

START_TEST(test_repeated_fixed_cut_inside_an_element) {
  bytes b = {0};
  uint64_t n = 0;
  put_bytes(&b, 4, "\0\0\0\0\0\0", 6);
  ck_fails(cvk_wire_list_count(cvk_wire_list_open(b.data, (cvk_view){b.data, b.n}, 4, CVK_WIRE_FIXED32), &n), CVK_IO_ERROR,
           "2 bytes are left");
  ck_ok(cvk_wire_list_count(cvk_wire_list_open(b.data, (cvk_view){b.data, b.n}, 9, CVK_WIRE_FIXED32), &n));
  ck_assert_uint_eq(n, 0);
  empty(&b);
}
END_TEST

START_TEST(test_groups_are_skipped) {
  bytes b = {0};
  cvk_wire_field f;
  put_tag(&b, 4, 3);
  put_int(&b, 1, 7);
  put_tag(&b, 5, 3);
  put_text(&b, 2, "in a group");
  put_tag(&b, 5, 4);
  put_tag(&b, 4, 4);
  put_int(&b, 6, 42);
  cvk_wire w = open_bytes(&b);
  ck_ok(cvk_wire_next(&w, &f));
  ck_assert_uint_eq(f.number, 6);
  ck_assert_uint_eq(f.value, 42);
  empty(&b);
}
END_TEST

START_TEST(test_deep_groups_are_refused) {
  bytes b = {0};
  cvk_wire_field f;
  for (int i = 0; i < 100000; i++) put_tag(&b, 4, 3);
  cvk_wire w = open_bytes(&b);
  ck_fails(cvk_wire_next(&w, &f), CVK_IO_ERROR, "deeper than 64");
  empty(&b);
}
END_TEST

START_TEST(test_damage) {
  static const struct {
    const char *data;
    size_t n;
    const char *text;
  } cases[] = {
      {"\x08", 1, "cut off at byte 1"},
      {"\x08\xff\xff", 3, "cut off at byte 3"},
      {"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12, "longer than 10 bytes"},
      {"\x0a\x05"
       "abc",
       5, "claims 5 bytes, 3 are left"},
      {"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11, "claims 18446744073709551615 bytes, 0 are left"},
      {"\x09\1\2\3", 4, "8-byte number at byte 1 is cut off, 3 bytes"},
      {"\x0d\1", 2, "4-byte number at byte 1"},
      {"\x00\x01", 2, "field 0"},
      {"\x0e", 1, "wire type 6"},
      {"\x0f", 1, "wire type 7"},
      {"\xff\xff\xff\xff\x7f", 5, "does not exist"},
      {"\x0c", 1, "never began"},
      {"\x0b\x08\x01", 3, "group 1 is not closed"},
      {"\x0b\x14", 2, "group 1 is closed as 2"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    bytes b = {0};
    put(&b, cases[i].data, cases[i].n);
    cvk_wire w = open_bytes(&b);
    cvk_wire_field f;
    ck_fails(cvk_wire_next(&w, &f), CVK_IO_ERROR, cases[i].text);
    empty(&b);
  }
}
END_TEST

START_TEST(test_views_compare_by_bytes) {
  static const char *const texts[] = {"", "a", "aa", "ab", "b", "\xff"};
  for (int i = 0; i < 6; i++)
    for (int k = 0; k < 6; k++) {
      const cvk_view a = {(const uint8_t *)texts[i], strlen(texts[i])}, b = {(const uint8_t *)texts[k], strlen(texts[k])};
      const int c = cvk_view_compare(a, b);
      ck_assert_int_eq((c > 0) - (c < 0), (i > k) - (i < k));
      ck_assert_int_eq(cvk_view_is(a, texts[k]), i == k);
    }
}
END_TEST

SUITE("onnx wire", test_each_wire_type, test_empty_message_ends, test_repeated_packed_and_not, test_repeated_fixed_cut_inside_an_element,
      test_groups_are_skipped, test_deep_groups_are_refused, test_damage, test_views_compare_by_bytes)
