/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_files.c: the bytes are a file that the program reads besides models: TensorProto (.pb), NumPy array (.npy), IDX (plain or gzip),
 * picture (PNG, JPEG, PPM, PGM). The first bytes say which; TensorProto has none of its own and takes the rest. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"
#include "onnx/tensor.h"
#include "tools/idx.h"
#include "tools/image.h"

long fuzz_good;

static const struct {
  const char *magic;
  size_t n;
  const char *suffix; /* NULL: by content */
} kinds[] = {
    {"\x93NUMPY", 6, ".npy"}, {"\x89PNG", 4, ".png"},  {"\xff\xd8", 2, ".jpg"}, {"P5", 2, ".pgm"},
    {"P6", 2, ".ppm"},        {"\x1f\x8b", 2, ".idx"}, {"\0\0\x08", 3, ".idx"},
};

static char folder[64];

static void remove_folder(void) {
  rmdir(folder);
}

/* The readers take a path: a file of their own, in memory where the system has that. */
static int write_file(const char *suffix, const uint8_t *data, size_t size, char path[128]) {
  if (!folder[0]) {
    snprintf(folder, sizeof folder, "%s/cvk-fuzz-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp(folder)) fuzz_stop("no folder for files");
    atexit(remove_folder);
  }
  snprintf(path, 128, "%s/x%s", folder, suffix);
  const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const int ok = fd >= 0 && write(fd, data, size) == (ssize_t)size;
  if (fd >= 0) close(fd);
  return ok;
}

static int load(const char *path, const char *suffix, cvk_tensor **out, char error[TOOL_ERROR_BYTES]) {
  if (image_has_suffix(path)) return image_load(path, strcmp(suffix, ".pgm") == 0 ? 1 : 3, out, error);
  return strcmp(suffix, ".npy") == 0 ? npy_load(path, out, error) : idx_load(path, out, error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char path[128], error[TOOL_ERROR_BYTES] = "";
  cvk_tensor *t = NULL;
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    if (size < kinds[i].n || memcmp(data, kinds[i].magic, kinds[i].n) != 0) continue;
    if (!write_file(kinds[i].suffix, data, size, path)) fuzz_stop("a file could not be written");
    const int ok = load(path, kinds[i].suffix, &t, error);
    unlink(path);
    if (!ok && !error[0]) fuzz_stop("a failure without a sentence");
    fuzz_count(ok);
    cvk_tensor_release(t);
    return 0;
  }
  if (cvk_onnx_tensor_parse(data, size, &t) != CVK_OK)
    fuzz_sentence();
  else
    fuzz_count(1);
  cvk_tensor_release(t);
  return 0;
}
