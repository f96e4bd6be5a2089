/* SPDX-License-Identifier: Apache-2.0 */
/* op_samples_math.c: elementwise ops, with the special values of floats where the op defines them; see op_sample.h for the notation. */
#include "op_samples.h"

#include <stddef.h>

const char *const op_samples_math[] = {
    "relu 7", "relu 2x17x3x5@special", "relu 1x16x9x9", "relu scalar", "relu 0x3", "relu 1x5x31x33", "relu i32:3x5", "relu f64:3x5",
    "leaky_relu 2x17x3x5@special alpha=0.1", "leaky_relu 1x16x4x4",
    "prelu 1x16x5x5@special 16x1x1", "prelu 2x17x3x5 17x1x1", "prelu 2x3x4 1", "prelu 2x3x4 2x3x4", "prelu 3x4 4", "prelu 3x4 scalar",
    "sigmoid 67@big", "sigmoid 2x17x3x5@special", "sigmoid 1x16x4x4",
    "tanh 67@big", "tanh 2x17x3x5@special", "tanh 1x16x4x4",
    "elu 67@big", "elu 2x17x3x5@special alpha=1.5",
    "selu 67@big", "selu 2x17x3x5@special",
    "celu 67@big", "celu 2x17x3x5@special alpha=0.7",
    "clip 67@big", "clip 2x17x3x5@special alpha=-0.5 beta=0.75", "clip 1x16x4x4 alpha=0 beta=6", "clip 3x5 f32(-0.2) f32(0.3)", "clip 3x5 - f32(0.3)",
    "clip i32:3x5 i32(-3) i32(4)",
    "hard_sigmoid 67@big", "hard_sigmoid 2x17x3x5@special alpha=0.25 beta=0.4",
    "hard_swish 67@big", "hard_swish 2x17x3x5@special",
    "softplus 67@big", "softplus 2x17x3x5@special",
    "softsign 67@big", "softsign 2x17x3x5@special",
    "gelu 67@big", "gelu 2x17x3x5@special", "gelu 67@big alpha=1",
    "swish 67@big", "swish 2x17x3x5@special alpha=1", "swish 67@big alpha=0.5",
    "mish 67@big", "mish 2x17x3x5@special",
    "thresholded_relu 67@big", "thresholded_relu 2x17x3x5@special alpha=0.3",
    "exp 67@big", "exp 2x17x3x5@special", "log 67@pos", "log 2x17x3x5@special", "sqrt 67@pos", "sqrt 2x17x3x5@special",
    "abs 67@big", "abs 2x17x3x5@special", "abs i64:3x5", "neg 67@big", "neg 2x17x3x5@special", "neg i32:3x5",
    "reciprocal 67@pos", "reciprocal 2x17x3x5@special", "erf 67@big", "erf 2x17x3x5@special", "erf 1x16x4x4",
    "floor 67@big", "floor 2x17x3x5@special", "ceil 67@big", "ceil 2x17x3x5@special",
    "not bool:7", "not bool:2x17x3x5",

    "add 1x16x5x5 1x16x5x5", "add 2x17x3x5 2x17x3x5@special", "add 2x17x3x5 17x1x1", "add 2x17x3x5 1x17x1x1", "add 2x3x4 4", "add 4 2x3x4",
    "add 2x3x4 scalar", "add scalar 2x3x4", "add 3x1x5 1x4x1", "add 2x1x3x1x2 1x4x1x5x1", "add 0x3 1x3", "add 0x3 0x3", "add i64:3x4 i64:4", "add i32:7 i32:7", "add f64:7 f64:7",
    "sub 2x17x3x5 2x17x3x5", "sub 2x17x3x5 17x1x1", "sub 17x1x1 2x17x3x5", "sub 2x3x4 3x1", "sub i64:7 i64:7",
    "mul 2x17x3x5 2x17x3x5@special", "mul 1x16x5x5 1x16x1x1", "mul 2x3x4 2x1x1", "mul 3x1 1x5", "mul i32:7 i32(3)",
    "div 2x17x3x5 2x17x3x5@pos", "div 2x17x3x5@special 2x17x3x5@special", "div 2x3x4 4@pos", "div i64:7 i64:7@pos", "div i32:7 i32(-4)",
    "pow 67@pos 67", "pow 2x3x4@pos scalar", "pow 67 f32(2)", "pow 67 f32(3)", "pow 67@pos f32(0.5)", "pow 2x17x3x5@special f32(2)",
    "min 5x7 5x7", "min 2x17x3x5@special 2x17x3x5@special", "min 3x4 4 1", "min 3x4", "min i32:5 i32:5",
    "max 5x7 5x7", "max 2x17x3x5@special 2x17x3x5@special", "max 3x4 4 1", "max 1x16x4x4 scalar", "max i64:5 i64:5",
    "sum 5x7", "sum 5x7 5x7", "sum 2x3x4 4 3x1 1", "sum 1x16x5x5 1x16x5x5 1x16x5x5",
    "mean 5x7", "mean 5x7 5x7", "mean 2x3x4 4 3x1 1", "mean 1x17x5x5 1x17x5x5 1x17x5x5",
    "equal 5x7@few 5x7@few", "equal 2x17x3x5@special 2x17x3x5@special", "equal i64:3x4 i64:4", "equal bool:9 bool:9", "equal 2x3x4@few scalar@few",
    "less 5x7@few 5x7@few", "less 2x17x3x5@special 17x1x1", "less i32:3x4 i32:3x1",
    "greater 5x7@few 5x7@few", "greater 2x17x3x5@special 17x1x1", "greater i64:3x4 i64:1",
    "where bool:5x7 5x7 5x7", "where bool:7 5x7 1", "where bool:2x3x1 2x1x4@special scalar", "where bool:5 i64:5 i64:5", "where bool:0x3 0x3 3",
    NULL,
};
