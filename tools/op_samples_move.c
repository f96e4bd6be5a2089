/* SPDX-License-Identifier: Apache-2.0 */
/* op_samples_move.c: data movement and shapes, also of blocked values (a convolution before them); see op_sample.h for the notation. */
#include "op_samples.h"

#include <stddef.h>

const char *const op_samples_move[] = {
    "reorder 1x17x5x5", "reorder 3x4",
    "dropout 2x3x4", "dropout 2x3x4 outputs=2", "dropout 2x3x4 f32(0.5)",
    "identity 2x3x4@special", "identity i64:5", "identity scalar",
    "reshape 2x3x4 shape=6,4", "reshape 2x3x4 shape=0,-1", "reshape 2x3x4 i64[4,-1]", "reshape 1 i64[]", "reshape 0x3 shape=3,0 allow_zero=1",
    "reshape i32:2x6 shape=3,4",
    "flatten 2x3x4x5", "flatten 2x3x4 axis=2", "flatten 2x3x4 axis=0", "flatten 2x3x4 axis=-1", "flatten 5",
    "transpose 3x4", "transpose 2x3x4x5", "transpose 2x3x4x5 axes=0,2,3,1", "transpose 2x17x5x3 axes=0,3,1,2", "transpose 2x3x4 axes=1,0,2",
    "transpose 2x3x4 axes=2,0,1", "transpose 1x33x31 axes=0,2,1", "transpose i64:3x4", "transpose bool:3x5", "transpose f16:3x5",
    "transpose 2x3x2x3x2x2 axes=5,3,1,0,2,4", "transpose 0x3x4 axes=2,1,0", "transpose scalar",
    "concat 2x3 2x5 axis=1", "concat 1x16x3x3 1x16x3x3 axis=1", "concat 1x17x3x3 1x15x3x3 1x1x3x3 axis=1", "concat 2x3x4 1x3x4 axis=0",
    "concat 2x3x4 2x3x1 axis=-1", "concat 2x0 2x3 axis=1", "concat i64:3 i64:2 axis=0", "concat 5x7 axis=0", "concat 1x16x3x3 1x16x3x3 axis=0",
    "concat 1x4 1x4 1x4 1x4 1x4 1x4 1x4 1x4 1x4 1x4 1x4 1x4 axis=0",
    "split 6x4 axis=0 outputs=2", "split 7x4 axis=0 outputs=3", "split 2x9 axis=1 size=2,4,3 outputs=3", "split 2x32x3x3 axis=1 outputs=2",
    "split 2x17x3x3 axis=1 size=16,1 outputs=2", "split 2x6x4 i64[1,5] axis=-2 outputs=2", "split i32:6 axis=0 outputs=6", "split 2x4 axis=1 size=0,4 outputs=2",
    "slice 7x9 axes=0,1 start=1,2 end=5,8 step=1,1", "slice 7x9 axes=0,1 start=6,8 end=-100,-100 step=-1,-2", "slice 2x17x5x5 axes=1 start=3 end=16 step=1",
    "slice 2x33x5x5 axes=1 start=0 end=32 step=16", "slice 9 axes=0 start=-5 end=100 step=3", "slice 4x5 axes=-1 start=3 end=3 step=1",
    "slice 4x5 i64[1] i64[3]", "slice 4x5 i64[1,-1] i64[4,0] i64[0,1] i64[2,-2]", "slice i64:9 axes=0 start=8 end=-10 step=-1",
    "slice 1x3x8x8 axes=2,3 start=0,1 end=8,8 step=2,2",
    "squeeze 1x3x1x4", "squeeze 1x3x1x4 axes=2", "squeeze 1x3x1x4 i64[0,-2]",
    "unsqueeze 3x4 axes=0,3", "unsqueeze 3x4 i64[-1]", "unsqueeze scalar axes=0",
    "gather 5x4 i64[0,2,-1]", "gather 5x4 i64[3,0] axis=1", "gather 2x17x3 i64[16,-17,1] axis=1", "gather 5x4 i64(2)", "gather 5 i32[4,0,0,-1]",
    "gather i64:6 i64[5,1]", "gather 3x4 i64[] axis=0", "gather 2x3x4 i64[2,1] axis=-1",
    "expand 3x1 shape=3,4", "expand 1 shape=2,3,4", "expand 2x1x4 i64[2,3,1]", "expand scalar shape=3", "expand 1x16x1x1 shape=2,16,3,3", "expand i64:1 shape=5",
    "tile 2x3 shape=2,2", "tile 1x17x2 shape=3,1,2", "tile 5 i64[3]", "tile 2x3 shape=1,0", "tile bool:3 shape=2",
    "cast 3x5@big to=i32", "cast 3x5@big to=i64", "cast i64:3x5 to=f32", "cast i32:3x5 to=f32", "cast f32:3x5 to=f64", "cast f64:3x5 to=f32",
    "cast 3x5@big to=f16", "cast f16:3x5 to=f32", "cast 3x5 to=bf16", "cast bf16:3x5 to=f32", "cast 3x5@few to=bool", "cast bool:3x5 to=f32",
    "cast u8:3x5 to=f32", "cast 3x5@pos to=u8", "cast i64:7 to=i32", "cast 3x5 to=f32", "cast i8:5 to=i64",
    "shape 2x3x4", "shape 2x3x4x5 start=1 end=3", "shape 0x3",
    "constant_of_shape i64[2,3] value=1.5 type=f32", "constant_of_shape i64[2,3]", "constant_of_shape i64[0,3] type=i64 value=4",
    /* of what a convolution leaves in blocks of channels */
    "conv 1x3x6x6 17x3x3x3 17; transpose _ axes=0,2,3,1",
    "conv 1x3x6x6 17x3x3x3 17; flatten _",
    "conv 1x3x6x6 32x3x3x3 32; reshape _ shape=0,-1",
    "conv 1x3x6x6 32x3x3x3 32; concat _ 1x16x4x4 axis=1",
    "conv 1x3x6x6 17x3x3x3 17; concat _ 1x16x4x4 axis=1",
    "conv 1x3x6x6 32x3x3x3 32; slice _ axes=1 start=16 end=32 step=1",
    "conv 1x3x6x6 33x3x3x3 33; slice _ axes=1,3 start=1,0 end=32,4 step=1,2",
    "conv 1x3x6x6 32x3x3x3 32; split _ axis=1 outputs=2",
    "conv 1x3x6x6 17x3x3x3 17; pad _ pad=0,0,1,2,0,0,2,1 mode=reflect",
    NULL,
};
