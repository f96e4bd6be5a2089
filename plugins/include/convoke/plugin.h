/* SPDX-License-Identifier: Apache-2.0 */
/* convoke/plugin.h: the boundary between Convoke (the host) and a backend, and the only file a plugin author needs.
 *
 * A plugin is a shared object named convoke-NAME.so with one exported function, convoke_plugin_entry_0. It hands the host
 * a table of functions (cvk_backend); the host asks which ops a device supports, prepares them once for fixed shapes
 * and executes them many times. C99, stands alone. The rules behind it are numbered in docs/plugin-abi.md.
 *
 * Growth. Every struct that may grow begins with struct_size, set by whoever makes it; where the other side fills it, it is the room
 * there is. Fields and values are only appended, values never renumbered; a field is read only where struct_size covers it (CVK_HAS).
 * Arrays hold pointers to growable structs. cvk_format and cvk_arg are frozen and may be held by value.
 * What never crosses: bool, enum, long, FILE, varargs, structs by value as arguments, memory freed by the other side. */
#ifndef CONVOKE_PLUGIN_H
#define CONVOKE_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CVK_ABI_MAJOR 0 /* a plugin of another major is refused: the major is in the entry's name */
#define CVK_ABI_MINOR 2 /* +1 for each release that appends fields, ops or values */

#if defined(__GNUC__)
#define CVK_EXPORT __attribute__((visibility("default")))
#else
#define CVK_EXPORT
#endif

/* Nonzero where the struct behind P, filled by the other side, is large enough to hold FIELD. */
#define CVK_HAS(P, FIELD) \
  ((P)->struct_size >= (size_t)((const char *)&(P)->FIELD - (const char *)(P)) + sizeof((P)->FIELD))

/* ---- status: one table for the API and the plugin boundary ------------------------------------------------------- */

typedef int32_t cvk_status;
enum {
  CVK_OK = 0,
  CVK_UNSUPPORTED = 1,           /* not offered here; the host tries the next backend */
  CVK_INVALID_ARGUMENT = 2,
  CVK_INVALID_SHAPE = 3,
  CVK_ALIAS = 4,                 /* input and output overlap where the op forbids it */
  CVK_SIZE_OVERFLOW = 5,
  CVK_NO_MEMORY = 6,             /* of the host */
  CVK_OUT_OF_DEVICE_MEMORY = 7,
  CVK_DEVICE_MISMATCH = 8,       /* a tensor of one device was given to another */
  CVK_DEVICE_LOST = 9,
  CVK_BUSY = 10,
  CVK_TIMEOUT = 11,
  CVK_AFTER_FORK = 12,           /* the device was opened by the parent process */
  CVK_NO_DEVICE = 13,
  CVK_NO_BACKEND = 14,
  CVK_UNKNOWN_BACKEND = 15,
  CVK_INTERNAL = 16,
  CVK_IO_ERROR = 17,             /* a file is missing, unreadable or damaged */
};

/* ---- tensors ----------------------------------------------------------------------------------------------------- */

/* Element types: ONNX's TensorProto.DataType numbers. */
enum {
  CVK_F32 = 1, CVK_U8 = 2, CVK_I8 = 3, CVK_U16 = 4, CVK_I16 = 5, CVK_I32 = 6, CVK_I64 = 7,
  CVK_BOOL = 9, /* one byte, 0 or 1 */
  CVK_F16 = 10, CVK_F64 = 11, CVK_U32 = 12, CVK_U64 = 13, CVK_BF16 = 16,
  /* Since 0.2. In memory one byte an element, also those of 4 and 2 bits, which stand in the low bits (integers with a sign extended; who
     reads one takes the low bits alone). Only ONNX files pack them. Ops that move data and CAST take them, arithmetic does not. */
  CVK_F8E4M3FN = 17, CVK_F8E4M3FNUZ = 18, CVK_F8E5M2 = 19, CVK_F8E5M2FNUZ = 20,
  CVK_U4 = 21, CVK_I4 = 22, CVK_F4E2M1 = 23, CVK_F8E8M0 = 24, CVK_U2 = 25, CVK_I2 = 26,
};

#define CVK_MAX_RANK 8    /* for ever */
#define CVK_MAX_SPATIAL 6 /* CVK_MAX_RANK less batch and channel */

enum {
  CVK_PLAIN = 0,   /* dense row-major in the order of dim[]; NCHW for images */
  CVK_NHWC = 1,    /* dense, channel (dim[1]) innermost; dim[] stays in the order N, C, spatial */
  CVK_BLOCKED = 2, /* NCHWc: N, ceil(C/block), spatial..., block. Lanes past C in the last block are ZERO: who writes the tensor
                      keeps them so, who reads it may rely on it. Rank >= 2. */
  CVK_PRIVATE = 3, /* known to one backend only, which sizes it (tensor_bytes) and reorders it both ways */
};

/* The arrangement of a tensor's elements. Frozen: 16 bytes. */
typedef struct cvk_format {
  int32_t layout;          /* CVK_PLAIN ... */
  int32_t block;           /* channels a block, CVK_BLOCKED only; else 0 */
  uint64_t private_layout; /* the backend's own number, CVK_PRIVATE only; else 0 */
} cvk_format;

typedef struct cvk_quant cvk_quant; /* scale, zero point, axis: reserved, always NULL in 0.1 */

/* Tensors are dense: no strides. The host reorders views that are not contiguous. */
typedef struct cvk_tensor_desc {
  uint32_t struct_size;
  int32_t dtype;
  int32_t rank; /* 0 (a scalar) to CVK_MAX_RANK */
  int32_t reserved;
  int64_t dim[CVK_MAX_RANK]; /* each >= 0; entries past rank are 0 */
  cvk_format format;
  const void *const_data; /* plain host data of a tensor whose value is known at prepare, valid until kernel_free (of an input that the
                             candidate takes as a pack: until prepare returns); NULL: a run-time input */
  const cvk_quant *quant;
} cvk_tensor_desc;

/* ---- ops --------------------------------------------------------------------------------------------------------- */

/* Op kinds. Each is the ONNX operator of the same name unless said. api/ops.def holds the one row each has on the host's side. */
enum {
  CVK_OP_CONV = 1, CVK_OP_CONV_TRANSPOSE = 2, CVK_OP_MAX_POOL = 3, CVK_OP_AVG_POOL = 4, CVK_OP_LP_POOL = 5,
  CVK_OP_GLOBAL_MAX_POOL = 6, CVK_OP_GLOBAL_AVG_POOL = 7, CVK_OP_GLOBAL_LP_POOL = 8, CVK_OP_PAD = 9, CVK_OP_GEMM = 10,
  CVK_OP_MATMUL = 11, CVK_OP_BATCH_NORM = 12, CVK_OP_LRN = 13, CVK_OP_SOFTMAX = 14, CVK_OP_LOG_SOFTMAX = 15,
  CVK_OP_DROPOUT = 16, /* inference: the identity */
  CVK_OP_REORDER = 17, /* changes format only; the owner of a private layout accepts it both ways */

  /* activations: one input (PRELU: two), may be post-ops */
  CVK_OP_RELU = 32, CVK_OP_LEAKY_RELU = 33, CVK_OP_PRELU = 34, CVK_OP_SIGMOID = 35, CVK_OP_TANH = 36, CVK_OP_ELU = 37,
  CVK_OP_SELU = 38, CVK_OP_CELU = 39, CVK_OP_CLIP = 40, CVK_OP_HARD_SIGMOID = 41, CVK_OP_HARD_SWISH = 42,
  CVK_OP_SOFTPLUS = 43, CVK_OP_SOFTSIGN = 44, CVK_OP_GELU = 45, CVK_OP_SWISH = 46, CVK_OP_MISH = 47,
  CVK_OP_THRESHOLDED_RELU = 48,

  /* unary */
  CVK_OP_EXP = 64, CVK_OP_LOG = 65, CVK_OP_SQRT = 66, CVK_OP_ABS = 67, CVK_OP_NEG = 68, CVK_OP_RECIPROCAL = 69,
  CVK_OP_ERF = 70, CVK_OP_FLOOR = 71, CVK_OP_CEIL = 72, CVK_OP_NOT = 73,
  CVK_OP_SIN = 74, CVK_OP_COS = 75, CVK_OP_TAN = 76, CVK_OP_ASIN = 77, CVK_OP_ACOS = 78, CVK_OP_ATAN = 79, /* since 0.2 */
  CVK_OP_SINH = 80, CVK_OP_COSH = 81, CVK_OP_ASINH = 82, CVK_OP_ACOSH = 83, CVK_OP_ATANH = 84,
  CVK_OP_ROUND = 85, CVK_OP_SIGN = 86, CVK_OP_SHRINK = 87,
  CVK_OP_BITWISE_NOT = 88, CVK_OP_IS_NAN = 89, CVK_OP_IS_INF = 90,

  /* binary with broadcasting; SUM, MEAN, MIN and MAX take 1..n inputs */
  CVK_OP_ADD = 96, CVK_OP_SUB = 97, CVK_OP_MUL = 98, CVK_OP_DIV = 99, CVK_OP_POW = 100, CVK_OP_MIN = 101, CVK_OP_MAX = 102,
  CVK_OP_SUM = 103, CVK_OP_MEAN = 104, CVK_OP_EQUAL = 105, CVK_OP_LESS = 106, CVK_OP_GREATER = 107, CVK_OP_WHERE = 108,
  CVK_OP_MOD = 109, /* since 0.2 */
  CVK_OP_BIT_SHIFT = 110, CVK_OP_BITWISE_AND = 111, CVK_OP_BITWISE_OR = 112, CVK_OP_BITWISE_XOR = 113, /* since 0.2 */

  /* reductions */
  CVK_OP_REDUCE_MEAN = 128, CVK_OP_REDUCE_SUM = 129, CVK_OP_REDUCE_MAX = 130, CVK_OP_REDUCE_MIN = 131,
  CVK_OP_REDUCE_PROD = 132, CVK_OP_ARG_MAX = 133, CVK_OP_ARG_MIN = 134, /* since 0.2 */

  /* data movement and shapes */
  CVK_OP_RESHAPE = 160, CVK_OP_FLATTEN = 161, CVK_OP_TRANSPOSE = 162, CVK_OP_CONCAT = 163, CVK_OP_SPLIT = 164,
  CVK_OP_SLICE = 165, CVK_OP_SQUEEZE = 166, CVK_OP_UNSQUEEZE = 167, CVK_OP_IDENTITY = 168, CVK_OP_GATHER = 169,
  CVK_OP_EXPAND = 170, CVK_OP_TILE = 171, CVK_OP_CAST = 172, CVK_OP_SHAPE = 173, CVK_OP_CONSTANT_OF_SHAPE = 174,
  CVK_OP_RANGE = 175, CVK_OP_CAST_LIKE = 176, /* since 0.2 */
  CVK_OP_BITCAST = 220,

  /* indices and scans, since 0.2 */
  CVK_OP_GATHER_ELEMENTS = 177, CVK_OP_GATHER_ND = 178, CVK_OP_SCATTER_ELEMENTS = 179, CVK_OP_SCATTER_ND = 180,
  CVK_OP_NON_ZERO = 181, CVK_OP_ONE_HOT = 182, CVK_OP_CUM_SUM = 183, CVK_OP_CUM_PROD = 184, CVK_OP_TOP_K = 185,
  CVK_OP_TRILU = 186, CVK_OP_COMPRESS = 187, CVK_OP_UNIQUE = 188, CVK_OP_REVERSE_SEQUENCE = 189,

  /* geometry of images, since 0.2 */
  CVK_OP_RESIZE = 192, /* also Upsample */
  CVK_OP_GRID_SAMPLE = 193,
  CVK_OP_MAX_UNPOOL = 194, /* a cvk_pool_attr: kernel, stride, pads */
  CVK_OP_ROI_ALIGN = 195,
  CVK_OP_NON_MAX_SUPPRESSION = 196,
  CVK_OP_DEFORM_CONV = 197,
  CVK_OP_COL2IM = 198, /* a cvk_conv_attr: kernel is the block, output_shape the image */
  CVK_OP_AFFINE_GRID = 199,

  /* recurrence, since 0.2 */
  CVK_OP_LSTM = 208, CVK_OP_GRU = 209, CVK_OP_RNN = 210,

  /* products and transforms, since 0.2 */
  CVK_OP_EINSUM = 211, CVK_OP_DET = 212, CVK_OP_DFT = 213, CVK_OP_LINEAR_ATTENTION = 221,

  /* learning, since 0.2: gradients that are no composition of the ops above, losses, optimisers. g* is the gradient of the loss in *. */
  CVK_OP_CONV_GRAD_WEIGHT = 224, /* (x, gy) -> gw, gb: of CONV with this attribute, kernel given. The gradient in x is a CONV_TRANSPOSE. */
  CVK_OP_MAX_POOL_GRAD = 225,    /* (x, gy) -> gx */
  CVK_OP_AVG_POOL_GRAD = 226,    /* (x, gy) -> gx; the values of x are not used */
  CVK_OP_BATCH_NORM_TRAIN = 227, /* (x, scale, bias, [mean, var]) -> y, new running mean, new running var, batch mean, batch var */
  CVK_OP_BATCH_NORM_GRAD = 228,  /* (x, scale, batch mean, batch var, gy) -> gx, gscale, gbias */
  CVK_OP_RELU_GRAD = 229,        /* (y, gy) -> y > 0 ? gy : 0 */
  CVK_OP_SOFTMAX_CROSS_ENTROPY = 230,      /* (x [N,C,...], target [N,...], [weight [C]]) -> loss */
  CVK_OP_SOFTMAX_CROSS_ENTROPY_GRAD = 231, /* (x, target, gy of the loss' shape, [weight]) -> gx */
  CVK_OP_DROPOUT_TRAIN = 232,              /* (x, seed): its gradient is itself, of gy with the same seed */
  CVK_OP_SGD = 233,                        /* (w, gw, rate, [momentum], [gradient scale]) -> new w, new momentum */
  CVK_OP_ADAM = 234,                       /* (w, gw, rate, step, m, v, [gradient scale]) -> new w, new m, new v */
};

/* Attributes. A backend always sees them RESOLVED by the host: auto_pad turned into begin and end pads, kernel, stride and
 * dilation filled (>= 1), axes non-negative, tensor-valued parameters (the shape of Reshape, the pads of Pad, ...) copied in,
 * conv's activation moved to post[0]. In application code struct_size may be 0 (the size that the library was built with)
 * and a zero stride, dilation, group or kernel means ONNX's default. Spatial arrays are in the order of dim[2..]. */
enum { CVK_PAD_EXPLICIT = 0, CVK_SAME_UPPER = 1, CVK_SAME_LOWER = 2, CVK_VALID = 3 };

typedef struct cvk_conv_attr { /* CONV: x [N,C,...], w [M,C/group,kernel...], b [M] or absent */
  uint32_t struct_size;
  int32_t auto_pad;
  int64_t kernel[CVK_MAX_SPATIAL]; /* 0: taken from w */
  int64_t stride[CVK_MAX_SPATIAL];
  int64_t dilation[CVK_MAX_SPATIAL];
  int64_t pad_begin[CVK_MAX_SPATIAL];
  int64_t pad_end[CVK_MAX_SPATIAL];
  int64_t group;
  int64_t output_padding[CVK_MAX_SPATIAL]; /* CONV_TRANSPOSE (w [C,M/group,kernel...]) */
  int64_t output_shape[CVK_MAX_SPATIAL];   /* CONV_TRANSPOSE: spatial extents asked for; 0: computed */
  int32_t activation;                      /* an activation's op kind applied to the result; 0: none; always 0 in a plugin */
  float activation_alpha, activation_beta;
  int32_t reserved;
} cvk_conv_attr;

typedef struct cvk_pool_attr { /* MAX_POOL, AVG_POOL, LP_POOL, GLOBAL_LP_POOL (p only) */
  uint32_t struct_size;
  int32_t auto_pad;
  int64_t kernel[CVK_MAX_SPATIAL];
  int64_t stride[CVK_MAX_SPATIAL];
  int64_t dilation[CVK_MAX_SPATIAL];
  int64_t pad_begin[CVK_MAX_SPATIAL];
  int64_t pad_end[CVK_MAX_SPATIAL]; /* resolved: the pad asked for; a ceil_mode window may reach past it */
  int32_t ceil_mode;
  int32_t count_include_pad; /* AVG_POOL: cells of the pad (never cells past it) count in the divisor */
  int32_t storage_order;     /* MAX_POOL indices: 0 row major, 1 column major */
  int32_t p;                 /* LP_POOL, GLOBAL_LP_POOL: the norm's exponent */
} cvk_pool_attr;

enum { CVK_PAD_CONSTANT = 0, CVK_PAD_REFLECT = 1, CVK_PAD_EDGE = 2, CVK_PAD_WRAP = 3 };
typedef struct cvk_pad_attr { /* PAD: x, [pads i64], [value], [axes i64]: inputs 1.. override the attribute. Negative pads crop. */
  uint32_t struct_size;
  int32_t mode;
  int64_t begin[CVK_MAX_RANK];
  int64_t end[CVK_MAX_RANK];
  double value;
} cvk_pad_attr;

typedef struct cvk_gemm_attr { /* GEMM: y = alpha op(a) op(b) + beta c; c broadcasts to y */
  uint32_t struct_size;
  int32_t trans_a, trans_b;
  float alpha, beta;
} cvk_gemm_attr;

typedef struct cvk_norm_attr { /* BATCH_NORM (x, scale, bias, mean, var), BATCH_NORM_GRAD: epsilon. LRN: size, alpha, beta, bias.
                                  BATCH_NORM_TRAIN: epsilon, alpha: the share of the old running statistics in the new ones */
  uint32_t struct_size;
  float epsilon;
  int64_t size;
  float alpha, beta, bias;
  int32_t reserved;
} cvk_norm_attr;

typedef struct cvk_axis_attr { /* SOFTMAX, LOG_SOFTMAX, FLATTEN, CONCAT, GATHER, GATHER_ELEMENTS, COMPRESS, ONE_HOT */
  uint32_t struct_size;
  int32_t axis; /* -rank .. rank-1 (FLATTEN: ..rank; ONE_HOT: of the result) */
} cvk_axis_attr;

typedef struct cvk_unary_attr { /* activations; what a NULL attribute stands for is in ops.def's table of defaults */
  uint32_t struct_size;
  float alpha; /* LEAKY_RELU, ELU, CELU, SELU, THRESHOLDED_RELU, SWISH: alpha; HARD_SIGMOID: slope; CLIP: min;
                  GELU: nonzero means the tanh approximation; SHRINK: lambd */
  float beta;  /* HARD_SIGMOID: offset; SELU: gamma; CLIP: max; SHRINK: bias */
} cvk_unary_attr;

typedef struct cvk_axes_attr { /* REDUCE_*, SQUEEZE, UNSQUEEZE (x, [axes i64]), TRANSPOSE (axis[] is the permutation) */
  uint32_t struct_size;
  int32_t n_axes; /* 0: all (REDUCE), all of extent 1 (SQUEEZE), reversed (TRANSPOSE) */
  int32_t axis[CVK_MAX_RANK];
  int32_t keep_dims;
  int32_t noop_with_empty_axes; /* REDUCE: no axes means the identity */
} cvk_axes_attr;

typedef struct cvk_shape_attr { /* RESHAPE, EXPAND, TILE (repeats), CONSTANT_OF_SHAPE; the tensor input, where given, overrides */
  uint32_t struct_size;
  int32_t rank;
  int64_t dim[CVK_MAX_RANK]; /* RESHAPE: 0 copies the input's extent (unless allow_zero), -1 is inferred */
  int32_t allow_zero;
  int32_t dtype; /* CONSTANT_OF_SHAPE: element type; 0: f32 */
  double value;  /* CONSTANT_OF_SHAPE */
} cvk_shape_attr;

typedef struct cvk_slice_attr { /* SLICE (x, [starts], [ends], [axes], [steps]): resolved to one entry per axis of x, clamped */
  uint32_t struct_size;
  int32_t n_axes;
  int32_t axis[CVK_MAX_RANK];
  int64_t start[CVK_MAX_RANK];
  int64_t end[CVK_MAX_RANK];
  int64_t step[CVK_MAX_RANK];
} cvk_slice_attr;

#define CVK_MAX_SPLIT 64
typedef struct cvk_split_attr { /* SPLIT (x, [sizes i64]); n_split 0: equal parts, the last may be smaller */
  uint32_t struct_size;
  int32_t axis;
  int32_t n_split;
  int32_t reserved;
  int64_t size[CVK_MAX_SPLIT];
} cvk_split_attr;

enum cvk_cast_rounding { CVK_ROUND_UP = 0, CVK_ROUND_DOWN = 1, CVK_ROUND_NEAREST = 2 }; /* since 0.2 */
typedef struct cvk_cast_attr { /* CAST, BITCAST: dtype. SHAPE: start and end of the extents taken */
  uint32_t struct_size;
  int32_t dtype;
  int32_t start, end; /* SHAPE; end 0 in a NULL attribute means rank; resolved to 0 <= start <= end <= rank */
  int32_t overflow;   /* since 0.2. CAST to a float of 8 bits, of what is too large: 0 the largest finite number, 1 infinity or NaN */
  int32_t rounding;   /* since 0.2. CAST to CVK_F8E8M0: CVK_ROUND_UP (in magnitude) ... */
} cvk_cast_attr;

typedef struct cvk_mod_attr { /* MOD; since 0.2 */
  uint32_t struct_size;
  int32_t fmod; /* 0: the result has b's sign, as Python's %; 1: a's sign, as C's fmod and % */
} cvk_mod_attr;

typedef struct cvk_arg_attr { /* ARG_MAX, ARG_MIN; since 0.2 */
  uint32_t struct_size;
  int32_t axis;
  int32_t keep_dims;
  int32_t select_last_index; /* of several equal ones: 0 the first, 1 the last */
} cvk_arg_attr;

/* How a resized axis is read: cvk_resize_source (below) has the formulas. (Named, since dumps number enums without a name.) */
enum cvk_resize_coordinates {
  CVK_HALF_PIXEL = 0, CVK_HALF_PIXEL_SYMMETRIC = 1, CVK_PYTORCH_HALF_PIXEL = 2, CVK_ALIGN_CORNERS = 3, CVK_ASYMMETRIC = 4,
  CVK_TF_HALF_PIXEL_FOR_NN = 5, CVK_TF_CROP_AND_RESIZE = 6,
};
enum cvk_interpolation { CVK_NEAREST = 0, CVK_LINEAR = 1, CVK_CUBIC = 2 };
enum cvk_resize_rounding { CVK_ROUND_PREFER_FLOOR = 0, CVK_ROUND_PREFER_CEIL = 1, CVK_ROUND_FLOOR = 2, CVK_ROUND_CEIL = 3 };
enum cvk_resize_aspect { CVK_STRETCH = 0, CVK_NOT_LARGER = 1, CVK_NOT_SMALLER = 2 };

typedef struct cvk_resize_attr { /* RESIZE: x, [roi], [scales f32], [sizes i64]: inputs 1.. override the attribute; since 0.2 */
  uint32_t struct_size;
  int32_t mode;             /* CVK_NEAREST ...: y is the nearest cell, or a sum over 2 (linear) or 4 (cubic) cells of each axis */
  int32_t coordinates;      /* CVK_HALF_PIXEL ... */
  int32_t rounding;         /* NEAREST: CVK_ROUND_PREFER_FLOOR ... of the source */
  int32_t antialias;        /* LINEAR, CUBIC: filters of axes that shrink are 1 / scale times as wide, their weights made to sum to 1 */
  int32_t exclude_outside;  /* LINEAR, CUBIC: 0: a cell outside x counts as the one at the border; 1: it has no weight */
  int32_t keep_aspect;      /* CVK_STRETCH ...: how sizes are meant; resolved: CVK_STRETCH */
  float cubic_a;            /* CUBIC: Keys' coefficient */
  float extrapolation;      /* TF_CROP_AND_RESIZE: the value of cells whose source lies outside x */
  int32_t n_axes;           /* entries of the arrays below; 0: all axes in order. Resolved: rank, axis[i] is i */
  int32_t axis[CVK_MAX_RANK];
  float scale[CVK_MAX_RANK];      /* all 0: sizes are given */
  int64_t size[CVK_MAX_RANK];     /* all 0: scales are given; resolved: the extents of y */
  double roi_begin[CVK_MAX_RANK]; /* TF_CROP_AND_RESIZE: the part of x that is resized, in units of x's extent less 1 */
  double roi_end[CVK_MAX_RANK];
  double width[CVK_MAX_RANK];     /* resolved: y's extent before it was made whole; the scale is width / x's extent */
} cvk_resize_attr;

enum cvk_grid_padding { CVK_GRID_ZEROS = 0, CVK_GRID_BORDER = 1, CVK_GRID_REFLECTION = 2 };
typedef struct cvk_grid_attr { /* GRID_SAMPLE: x [N,C,spatial], grid [N,out spatial,axes]. AFFINE_GRID: align_corners only; since 0.2 */
  uint32_t struct_size;
  int32_t mode;          /* CVK_NEAREST, CVK_LINEAR or CVK_CUBIC */
  int32_t padding;       /* CVK_GRID_ZEROS ...: what lies outside x */
  int32_t align_corners; /* -1 and 1 are the centres of the cells at the borders; 0: their outer edges */
} cvk_grid_attr;

typedef struct cvk_roi_align_attr { /* ROI_ALIGN: x [N,C,H,W], rois [R,4] as x1 y1 x2 y2, batch indices [R]; since 0.2 */
  uint32_t struct_size;
  int32_t is_max;         /* 0: the mean of the samples of a bin, 1: the largest product of weight and cell among them */
  int32_t half_pixel;     /* 1: coordinates are half a cell less, and a region may be empty; 0: it is at least one cell */
  int32_t sampling_ratio; /* samples of a bin along each axis; 0: as many as it has cells, rounded up */
  int64_t out[2];         /* bins, height and width; 0: 1 */
  float spatial_scale;    /* from the units of rois to cells of x */
  int32_t reserved;
} cvk_roi_align_attr;

typedef struct cvk_nms_attr { /* NON_MAX_SUPPRESSION: boxes [N,B,4], scores [N,C,B], [most], [iou], [score]: inputs 2.. override; since 0.2 */
  uint32_t struct_size;
  int32_t center_point_box; /* boxes are 0: y1 x1 y2 x2, 1: x y width height, (x, y) the centre */
  int64_t most;             /* boxes chosen of each batch and class; 0: none */
  float iou_threshold;      /* a box whose overlap with a chosen one is larger is left out */
  float score_threshold;    /* only boxes whose score is larger are chosen; NULL attribute: -infinity */
} cvk_nms_attr;

typedef struct cvk_deform_conv_attr { /* DEFORM_CONV: x [N,C,H,W], w [M,C/group,kh,kw], offset, [b], [mask]; since 0.2 */
  uint32_t struct_size;
  int32_t reserved;
  int64_t kernel[2]; /* 0: taken from w */
  int64_t stride[2];
  int64_t dilation[2];
  int64_t pad_begin[2];
  int64_t pad_end[2];
  int64_t group, offset_group;
} cvk_deform_conv_attr;

typedef struct cvk_gather_nd_attr { /* GATHER_ND: x [B...,K...,rest], indices [B...,Q...,k] give [B...,Q...,rest]; since 0.2 */
  uint32_t struct_size;
  int32_t batch_dims; /* leading axes B that x and the indices share */
} cvk_gather_nd_attr;

enum cvk_scatter_reduction { CVK_SCATTER_NONE = 0, CVK_SCATTER_ADD = 1, CVK_SCATTER_MUL = 2, CVK_SCATTER_MAX = 3, CVK_SCATTER_MIN = 4 };
typedef struct cvk_scatter_attr { /* SCATTER_ELEMENTS, SCATTER_ND (x, indices, updates); since 0.2 */
  uint32_t struct_size;
  int32_t axis;      /* SCATTER_ELEMENTS */
  int32_t reduction; /* of an update with what stands there; NONE: it replaces that */
} cvk_scatter_attr;

typedef struct cvk_cumulative_attr { /* CUM_SUM, CUM_PROD (x, [axis]); since 0.2 */
  uint32_t struct_size;
  int32_t axis;      /* the tensor input, where given, overrides */
  int32_t exclusive; /* nonzero: without the element itself */
  int32_t reverse;   /* nonzero: from the end */
} cvk_cumulative_attr;

typedef struct cvk_top_k_attr { /* TOP_K (x, [k i64]): values and their indices (i64); since 0.2 */
  uint32_t struct_size;
  int32_t axis;
  int64_t k; /* 0 to the extent; the tensor input, where given, overrides */
  int32_t largest; /* nonzero: the largest, else the smallest */
  int32_t sorted;  /* 0: in any order */
} cvk_top_k_attr;

typedef struct cvk_trilu_attr { /* TRILU (x [...,rows,columns], [k i64]); since 0.2 */
  uint32_t struct_size;
  int32_t upper; /* nonzero: keeps column - row >= k, else column - row <= k */
  int64_t k;     /* the tensor input, where given, overrides */
} cvk_trilu_attr;

typedef struct cvk_unique_attr { /* UNIQUE: slices along axis, first places, inverse, counts; since 0.2 */
  uint32_t struct_size;
  int32_t axis;
  int32_t sorted; /* nonzero: ascending, else as they come */
} cvk_unique_attr;

typedef struct cvk_reverse_sequence_attr { /* REVERSE_SEQUENCE (x, lengths i64 [batch]); since 0.2 */
  uint32_t struct_size;
  int32_t batch_axis, time_axis; /* 0 and 1, either way */
} cvk_reverse_sequence_attr;

typedef struct cvk_bit_shift_attr { /* BIT_SHIFT; since 0.2 */
  uint32_t struct_size;
  int32_t right; /* 0: towards the high bits */
} cvk_bit_shift_attr;

typedef struct cvk_is_inf_attr { /* IS_INF: which infinities count; since 0.2 */
  uint32_t struct_size;
  int32_t negative, positive;
} cvk_is_inf_attr;

enum cvk_direction { CVK_FORWARD = 0, CVK_REVERSE = 1, CVK_BIDIRECTIONAL = 2 };
enum cvk_gate_function { /* activations of a recurrence, with their alpha a and beta b */
  CVK_GATE_DEFAULT = 0, /* LSTM: sigmoid, tanh, tanh; GRU: sigmoid, tanh; RNN: tanh */
  CVK_GATE_RELU = 1, CVK_GATE_TANH = 2, CVK_GATE_SIGMOID = 3,
  CVK_GATE_AFFINE = 4, /* a x + b */
  CVK_GATE_LEAKY_RELU = 5, CVK_GATE_THRESHOLDED_RELU = 6,
  CVK_GATE_SCALED_TANH = 7, /* a tanh(b x) */
  CVK_GATE_HARD_SIGMOID = 8, CVK_GATE_ELU = 9, CVK_GATE_SOFTSIGN = 10, CVK_GATE_SOFTPLUS = 11,
};
#define CVK_MAX_GATE_FUNCTIONS 6 /* three of LSTM, in two directions */

/* RNN, GRU, LSTM; since 0.2. D directions, hidden size H, G gates (1, 3: z r h, 4: i o f c), ONNX's equations. Inputs: x [time, batch, input],
 * w [D, G H, input], r [D, G H, H], [b [D, 2 G H]: of w, then of r], [lengths i32 [batch]], [first hidden state [D, batch, H]], and of
 * LSTM [first cell state, as that] and [peepholes [D, 3 H]: i o f]. Outputs: y [time, D, batch, H], zero past a sequence's length; last
 * hidden state [D, batch, H]; of LSTM the last cell state. */
typedef struct cvk_recurrent_attr {
  uint32_t struct_size;
  int32_t direction;
  int64_t hidden_size; /* 0: taken from r */
  int32_t layout;      /* 1: batch comes first: x [batch, time, input], y [batch, time, D, H], states [batch, D, H] */
  int32_t input_forget;        /* LSTM, nonzero: the forget gate is 1 - the input gate */
  int32_t linear_before_reset; /* GRU, nonzero: the reset gate is applied to the product with r */
  float clip;                  /* > 0: the input of each activation is kept within -clip .. clip */
  int32_t activation[CVK_MAX_GATE_FUNCTIONS]; /* CVK_GATE_*, those of the first direction first */
  float alpha[CVK_MAX_GATE_FUNCTIONS], beta[CVK_MAX_GATE_FUNCTIONS];
} cvk_recurrent_attr;

#define CVK_MAX_EQUATION 256
typedef struct cvk_einsum_attr { /* EINSUM; since 0.2 */
  uint32_t struct_size;
  char equation[CVK_MAX_EQUATION]; /* "bij,bjk->bik", ends with 0; spaces mean nothing */
} cvk_einsum_attr;

typedef struct cvk_dft_attr { /* DFT: x [..., 1 or 2: real, imaginary], [length], [axis]: inputs 1.. override the attribute; since 0.2 */
  uint32_t struct_size;
  int32_t axis;     /* not the last */
  int64_t length;   /* points of the transform; x is cut or filled up with zeros; 0: x's extent, of a one-sided spectrum 2 (extent - 1) */
  int32_t inverse;  /* nonzero: from the spectrum, divided by the length */
  int32_t onesided; /* nonzero: the spectrum is length / 2 + 1 points, its other end real ([..., 1]) */
} cvk_dft_attr;

enum cvk_attention_rule { CVK_RULE_LINEAR = 0, CVK_RULE_GATED = 1, CVK_RULE_DELTA = 2 }; /* since 0.2; GATED and DELTA may go together */
typedef struct cvk_linear_attention_attr { /* LINEAR_ATTENTION (query, key, value [batch,tokens,heads d], [past_state], [decay], [beta]); since 0.2 */
  uint32_t struct_size;
  int32_t rule;
  int64_t q_heads, kv_heads; /* kv_heads divides q_heads */
  float scale;               /* 0: 1 / sqrt(d of the keys) */
  int32_t reserved;
} cvk_linear_attention_attr;

enum cvk_loss_reduction { CVK_LOSS_MEAN = 0, CVK_LOSS_SUM = 1, CVK_LOSS_NONE = 2 }; /* since 0.2 */
typedef struct cvk_cross_entropy_attr { /* SOFTMAX_CROSS_ENTROPY and its gradient; since 0.2 */
  uint32_t struct_size;
  int32_t reduction;       /* MEAN: weighted, over the targets that are not ignored; the loss is a scalar, with NONE of target's shape */
  int64_t ignore_index;    /* targets of this number count nothing */
  int32_t has_ignore;
  float label_smoothing;   /* 0 .. 1: this share of each target is spread over all classes */
} cvk_cross_entropy_attr;

typedef struct cvk_dropout_attr { /* DROPOUT_TRAIN: element i goes where word i of the stream (cvk_dropout_keeps) says; since 0.2 */
  uint32_t struct_size;
  float ratio;    /* 0 <= ratio < 1: the share that becomes 0; the rest is divided by 1 - ratio */
  int64_t stream; /* tells the dropouts of one graph apart */
} cvk_dropout_attr;

typedef struct cvk_sgd_attr { /* SGD; since 0.2. g = scale gw + decay w; m' = momentum m + g; w' = w - rate (nesterov ? g + momentum m' : m') */
  uint32_t struct_size;
  float momentum, decay;
  int32_t nesterov;
} cvk_sgd_attr;

typedef struct cvk_adam_attr { /* ADAM; since 0.2. With step t >= 1 and g = scale gw: m' = b1 m + (1 - b1) g, v' = b2 v + (1 - b2) g^2,
                                  w' = w - rate m' / (1 - b1^t) / (sqrt(v' / (1 - b2^t)) + epsilon) */
  uint32_t struct_size;
  float beta1, beta2, epsilon;
  float decay;       /* decoupled 0: decay w is added to g (Adam); else w is first multiplied by 1 - rate decay (AdamW) */
  int32_t decoupled;
} cvk_adam_attr;

/* An op applied to the result of another, before it is stored. Post-ops run in order. One that a backend does not take
 * is refused (UNSUPPORTED): the host drops the tail and asks again. */
typedef struct cvk_post_op {
  uint32_t struct_size;
  int32_t kind;     /* an activation's kind; CVK_OP_ADD, CVK_OP_MUL, CVK_OP_PRELU with a tensor; more later: refuse what you don't know */
  int32_t input;    /* index in cvk_op.in of the other operand (of output 0's shape, in output 0's format); -1: none */
  int32_t reserved;
  const void *attr; /* the kind's attribute struct, or NULL where it has none */
} cvk_post_op;

enum { /* cvk_op.flags */
  CVK_EXACT = 1,         /* only rows of error class CVK_ERROR_DIRECT */
  CVK_DETERMINISTIC = 2, /* ignore tuning */
  CVK_ALLOW_BF16 = 4,
};

typedef struct cvk_op {
  uint32_t struct_size;
  int32_t kind;
  int32_t n_in, n_out; /* n_in counts the operands of post-ops, which come last */
  const cvk_tensor_desc *const *in; /* an absent optional input is NULL */
  const cvk_tensor_desc *const *out; /* an output nobody reads is NULL */
  const void *attr; /* the kind's attribute struct (begins with struct_size), or NULL where the kind has none */
  int32_t n_post;
  uint32_t flags;
  const cvk_post_op *const *post;
} cvk_op;

enum {                    /* cvk_candidate.error_class: |y - ref| <= k * 2^-24 * sum|x||w| per output */
  CVK_ERROR_DIRECT = 0,   /* k = 4 */
  CVK_ERROR_WINOGRAD = 1, /* k = 64 */
};

/* One way (a kernel row) in which a device would run an op. supports() fills them best first. */
#define CVK_CANDIDATE_INPUTS 8
#define CVK_CANDIDATE_OUTPUTS 2
typedef struct cvk_candidate {
  uint32_t struct_size;
  int32_t error_class;
  const char *row;     /* the kernel's name, lives as long as the backend, e.g. "conv_direct_avx512" */
  double estimated_ns; /* of one execution; 0: unknown */
  cvk_format in[CVK_CANDIDATE_INPUTS]; /* what the row reads; inputs past the last slot are as the last slot */
  cvk_format out[CVK_CANDIDATE_OUTPUTS];
  uint64_t pack[CVK_CANDIDATE_INPUTS]; /* nonzero: input i is constant and wanted through pack_create in the pack format of this number;
                                          the host shares one pack among all ops with equal weights, desc, attr and number */
  uint64_t workspace_bytes;            /* scratch for one execution, given to execute */
  uint32_t workspace_alignment;        /* 0: the device's */
  int32_t inplace;                     /* output 0 may share the buffer of this input; -1: none */
  uint64_t backend_data[4];            /* the backend's own; comes back in prepare */
} cvk_candidate;

/* ---- the host, as a plugin sees it ------------------------------------------------------------------------------- */

typedef void (*cvk_task)(void *arg, int64_t index, int32_t worker); /* worker: 0 .. workers()-1 */

enum { CVK_LOG_ERROR = 0, CVK_LOG_WARNING = 1, CVK_LOG_INFO = 2, CVK_LOG_DISPATCH = 3 /* why a kernel row was refused */ };

typedef struct cvk_host {
  uint32_t struct_size;
  int32_t abi_major, abi_minor;
  int32_t reserved;
  void *ctx; /* first argument of every function below; all are thread-safe */
  /* Keeps `why` (one clear sentence with the numbers; copied) as the message of this thread's failing call; returns `status`. */
  cvk_status (*fail)(void *ctx, cvk_status status, const char *why);
  void (*log)(void *ctx, int32_t level, const char *text);
  void *(*alloc)(void *ctx, uint64_t bytes, uint64_t alignment); /* alignment: a power of two; NULL when out of memory */
  void (*free)(void *ctx, void *p);
  int32_t (*workers)(void *ctx); /* threads that parallel_for may use, >= 1; the same while the instance lives */
  /* Runs task(arg, i, worker) for 0 <= i < n and returns when all are done. Nested or concurrent calls run inline. */
  void (*parallel_for)(void *ctx, int64_t n, cvk_task task, void *arg);
  /* A setting of the user's by name ("cpu_isa", "cl_class", "cache_dir"), or NULL. Valid while the instance lives.
   * Plugins read settings here, never with getenv. */
  const char *(*option)(void *ctx, const char *name);
  const void *(*extension)(void *ctx, const char *name); /* a further table by name, or NULL */
} cvk_host;

/* ---- the backend ------------------------------------------------------------------------------------------------- */

typedef struct cvk_instance cvk_instance; /* all of these are the backend's own */
typedef struct cvk_backend_device cvk_backend_device;
typedef struct cvk_kernel cvk_kernel;
typedef struct cvk_pack cvk_pack;
typedef struct cvk_buffer cvk_buffer;
typedef struct cvk_queue cvk_queue;
typedef struct cvk_event cvk_event;

enum { CVK_DEVICE_CPU = 1, CVK_DEVICE_INTEGRATED_GPU = 2, CVK_DEVICE_DISCRETE_GPU = 3, CVK_DEVICE_ACCELERATOR = 4, CVK_DEVICE_REFERENCE = 5 };
enum { /* cvk_device_info.flags */
  CVK_DEVICE_HOST_MEMORY = 1, /* buffers are host pointers */
  CVK_DEVICE_ASYNC = 2,       /* execute may return before the work is done; queue_finish waits */
  CVK_DEVICE_PROFILING = 4,   /* event_time works */
  CVK_DEVICE_OWN_THREADS = 8, /* the backend has a thread pool of its own, of workers() threads: the host's workers sleep when a run begins */
};

typedef struct cvk_device_info { /* strings: UTF-8, zero-terminated */
  uint32_t struct_size;
  int32_t type;
  uint32_t flags;
  int32_t units; /* cores or compute units */
  char id[64];   /* as listed: "cpu", "opencl:0" */
  char name[128];
  char driver[128];
  uint64_t memory_bytes;
  uint64_t max_alloc_bytes; /* largest single buffer; 0: no limit of its own */
  uint64_t alignment;       /* of buffers and of offsets into them, bytes */
  char isa[64];             /* instruction set or device class in use: "avx512" */
} cvk_device_info;

typedef struct cvk_arg { /* frozen: 24 bytes. An absent input or output has buffer NULL. */
  void *buffer; /* the base pointer on host-memory devices, a cvk_buffer elsewhere */
  uint64_t offset_bytes;
  uint64_t bytes;
} cvk_arg;

/* The table. Required functions are never NULL. Without the optional ones a backend works in host memory and synchronously.
 * One kernel is never executed concurrently with itself; different kernels and queues may run at once. */
typedef struct cvk_backend {
  uint32_t struct_size;
  int32_t abi_major, abi_minor; /* CVK_ABI_MAJOR, CVK_ABI_MINOR of the header it was built with */
  int32_t reserved;
  const char *name;    /* "cpu": lower case, the first part of its devices' ids */
  const char *version;

  /* required */
  cvk_status (*instance_create)(const cvk_host *host, cvk_instance **out); /* one a context; `host` outlives it */
  void (*instance_destroy)(cvk_instance *inst);
  cvk_status (*device_count)(cvk_instance *inst, int32_t *n);
  cvk_status (*device_info)(cvk_instance *inst, int32_t index, cvk_device_info *info);
  cvk_status (*device_open)(cvk_instance *inst, int32_t index, cvk_backend_device **out);
  void (*device_close)(cvk_backend_device *dev);
  /* Fills at most *n candidates, best first, and sets *n (>= 1) to how many; UNSUPPORTED when there is none. */
  cvk_status (*supports)(cvk_backend_device *dev, const cvk_op *op, cvk_candidate *const *candidates, int32_t *n);
  /* `op` has the candidate's formats in its descs and may be freed after the call (const_data lives as cvk_tensor_desc says).
   * `packs`: one entry an input, NULL where candidate->pack[i] is 0. */
  cvk_status (*prepare)(cvk_backend_device *dev, const cvk_op *op, const cvk_candidate *candidate, cvk_pack *const *packs, cvk_kernel **out);
  /* in[], out[]: as op->in, op->out. Inputs with a pack come with buffer NULL; other constants come like run-time inputs, uploaded once, in
   * the candidate's format (const_data itself is always plain). `queue` NULL: run now, in host memory. `workspace` is never
   * NULL; its buffer is where the row asked for none. `event` NULL: not wanted; *event NULL after
   * OK: the work is done. Allocates nothing but the event. */
  cvk_status (*execute)(cvk_kernel *kernel, cvk_queue *queue, const cvk_arg *in, const cvk_arg *out, const cvk_arg *workspace,
                        cvk_event *const *wait, int32_t n_wait, cvk_event **event);
  void (*kernel_free)(cvk_kernel *kernel);

  /* optional: packed weights. `input` is the index of a constant input with candidate->pack[input] != 0. */
  cvk_status (*pack_create)(cvk_backend_device *dev, const cvk_op *op, const cvk_candidate *candidate, int32_t input, cvk_pack **out);
  void (*pack_free)(cvk_pack *pack);

  /* optional, together: memory of its own. Writes and reads are queued; the host memory stays valid until queue_finish. */
  cvk_status (*buffer_alloc)(cvk_backend_device *dev, uint64_t bytes, cvk_buffer **out);
  void (*buffer_free)(cvk_buffer *buf);
  cvk_status (*buffer_write)(cvk_queue *q, cvk_buffer *dst, uint64_t offset, uint64_t bytes, const void *src);
  cvk_status (*buffer_read)(cvk_queue *q, cvk_buffer *src, uint64_t offset, uint64_t bytes, void *dst);
  cvk_status (*buffer_copy)(cvk_queue *q, cvk_buffer *src, uint64_t src_offset, cvk_buffer *dst, uint64_t dst_offset, uint64_t bytes);
  cvk_status (*buffer_map)(cvk_queue *q, cvk_buffer *buf, uint64_t offset, uint64_t bytes, void **p); /* blocks; UNSUPPORTED: use read and write */
  cvk_status (*buffer_unmap)(cvk_queue *q, cvk_buffer *buf, void *p);
  cvk_status (*buffer_import)(cvk_backend_device *dev, void *host, uint64_t bytes, cvk_buffer **out); /* no copy, or UNSUPPORTED */
  cvk_status (*buffer_fill)(cvk_queue *q, cvk_buffer *buf, uint64_t offset, uint64_t bytes, int32_t byte_value);

  /* optional, together: in-order queues */
  cvk_status (*queue_open)(cvk_backend_device *dev, int32_t profiling, cvk_queue **out);
  cvk_status (*queue_finish)(cvk_queue *q, int64_t timeout_ns); /* < 0: no limit; TIMEOUT: the host marks the device lost */
  void (*queue_close)(cvk_queue *q);

  /* optional, together: events */
  cvk_status (*event_wait)(cvk_event *e, int64_t timeout_ns);
  cvk_status (*event_time)(cvk_event *e, int64_t *start_ns, int64_t *end_ns);
  void (*event_free)(cvk_event *e);

  uint64_t (*tensor_bytes)(cvk_backend_device *dev, const cvk_tensor_desc *desc); /* optional: private layouts */
  const void *(*extension)(cvk_instance *inst, const char *name); /* optional: a further table by name. "convoke.*" names are reserved, among
                                                                     them "convoke.graph/1" for backends that want whole subgraphs */
} cvk_backend;

/* The one export of a plugin, called once a process. `host` here serves only fail and log. */
CVK_EXPORT cvk_status convoke_plugin_entry_0(const cvk_host *host, const cvk_backend **out);

/* ---- helpers ----------------------------------------------------------------------------------------------------- */

/* Bytes of one element; 0: unknown type. */
static inline uint64_t cvk_dtype_bytes(int32_t dtype) {
  switch (dtype) {
    case CVK_U8: case CVK_I8: case CVK_BOOL: return 1;
    case CVK_F8E4M3FN: case CVK_F8E4M3FNUZ: case CVK_F8E5M2: case CVK_F8E5M2FNUZ: case CVK_F4E2M1: case CVK_F8E8M0: return 1;
    case CVK_U4: case CVK_I4: case CVK_U2: case CVK_I2: return 1;
    case CVK_U16: case CVK_I16: case CVK_F16: case CVK_BF16: return 2;
    case CVK_F32: case CVK_I32: case CVK_U32: return 4;
    case CVK_I64: case CVK_F64: case CVK_U64: return 8;
    default: return 0;
  }
}

/* 0: the op has an element type of a later version, which a backend refuses. */
static inline int32_t cvk_op_types_known(const cvk_op *op) {
  for (int32_t i = 0; i < op->n_in; i++)
    if (op->in[i] != NULL && cvk_dtype_bytes(op->in[i]->dtype) == 0) return 0;
  for (int32_t i = 0; i < op->n_out; i++)
    if (op->out[i] != NULL && cvk_dtype_bytes(op->out[i]->dtype) == 0) return 0;
  return 1;
}

/* Elements of a shape, 1 for rank 0; -1 when the product overflows or an extent is negative. */
static inline int64_t cvk_count(int32_t rank, const int64_t *dim) {
  int64_t n = 1;
  int32_t zero = 0;
  for (int32_t i = 0; i < rank; i++) {
    if (dim[i] < 0) return -1;
    if (dim[i] == 0) zero = 1;
    else if (n > INT64_MAX / dim[i]) return -1;
    else n *= dim[i];
  }
  return zero ? 0 : n;
}

/* RESIZE, resolved: where in x, along `axis` of `extent` cells, output cell o lies (a cell's number is its centre). It may lie outside x. An
 * axis that keeps its extent is the identity in every mode. Since 0.2. */
static inline double cvk_resize_source(const cvk_resize_attr *a, int32_t axis, int64_t extent, int64_t o) {
  const double in = (double)extent, width = a->width[axis], scale = width / in, at = (double)o;
  const double begin = a->roi_begin[axis], end = a->roi_end[axis];
  if (width == in && (a->coordinates != CVK_TF_CROP_AND_RESIZE || (begin == 0 && end == 1))) return at;
  switch (a->coordinates) {
    case CVK_HALF_PIXEL_SYMMETRIC: return in / 2 * (1 - (double)a->size[axis] / width) + (at + 0.5) / scale - 0.5;
    case CVK_PYTORCH_HALF_PIXEL: return width > 1 ? (at + 0.5) / scale - 0.5 : 0;
    case CVK_ALIGN_CORNERS: return width > 1 ? at * (in - 1) / (width - 1) : 0;
    case CVK_ASYMMETRIC: return at / scale;
    case CVK_TF_HALF_PIXEL_FOR_NN: return (at + 0.5) / scale;
    case CVK_TF_CROP_AND_RESIZE:
      return width > 1 ? begin * (in - 1) + at * (end - begin) * (in - 1) / (width - 1) : 0.5 * (begin + end) * (in - 1);
    default: return (at + 0.5) / scale - 0.5;
  }
}

/* Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", 2011): four random words that are a function of
 * counter and key alone, so that what is random depends on no thread and on nothing drawn before. out may be counter. Since 0.2. */
static inline void cvk_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
  uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3], k0 = key[0], k1 = key[1];
  for (int32_t round = 0; round < 10; round++) {
    const uint64_t p0 = (uint64_t)c0 * 0xD2511F53u, p1 = (uint64_t)c2 * 0xCD9E8D57u;
    c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
    c1 = (uint32_t)p1;
    c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
    c3 = (uint32_t)p0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

/* DROPOUT_TRAIN: whether element i stays: word i % 4 of the block whose counter is (i / 4, stream) and whose key is the seed, low words first, is
 * at least ratio 2^32. Since 0.2. */
static inline int32_t cvk_dropout_keeps(int64_t seed, int64_t stream, float ratio, int64_t i) {
  const uint64_t at = (uint64_t)i / 4, s = (uint64_t)stream, k = (uint64_t)seed;
  const uint32_t counter[4] = {(uint32_t)at, (uint32_t)(at >> 32), (uint32_t)s, (uint32_t)(s >> 32)}, key[2] = {(uint32_t)k, (uint32_t)(k >> 32)};
  uint32_t out[4];
  cvk_philox(counter, key, out);
  return out[i % 4] >= (uint32_t)(ratio * 4294967296.0f);
}

/* Bytes that a tensor occupies in a plain, NHWC or blocked format; UINT64_MAX on overflow or a private layout. */
static inline uint64_t cvk_desc_bytes(const cvk_tensor_desc *d) {
  int64_t dim[CVK_MAX_RANK], n;
  const uint64_t size = cvk_dtype_bytes(d->dtype);
  for (int32_t i = 0; i < d->rank && i < CVK_MAX_RANK; i++) dim[i] = d->dim[i];
  if (d->format.layout == CVK_PRIVATE || size == 0) return UINT64_MAX;
  if (d->format.layout == CVK_BLOCKED) {
    if (d->rank < 2 || d->format.block < 1 || dim[1] > INT64_MAX - d->format.block) return UINT64_MAX;
    dim[1] = (dim[1] + d->format.block - 1) / d->format.block * d->format.block;
  }
  n = cvk_count(d->rank, dim);
  return n < 0 || (uint64_t)n > (uint64_t)INT64_MAX / size ? UINT64_MAX : (uint64_t)n * size;
}

#ifdef __cplusplus
}
#endif
#endif
