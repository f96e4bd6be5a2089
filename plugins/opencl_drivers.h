/* SPDX-License-Identifier: Apache-2.0 */
/* opencl_drivers.h: the OpenCL drivers of this machine (.icd files), and how the OpenCL loader is shown only some of them. A driver that crashes
 * takes every program with it that asks the loader for platforms; there is no other way to leave one out. */
#ifndef CVK_OPENCL_DRIVERS_H
#define CVK_OPENCL_DRIVERS_H

#include <convoke/plugin.h>

#include "probe_protocol.h"

typedef struct cvk_opencl_driver {
  char *path;     /* of the .icd file */
  int32_t result; /* CVK_PROBE_*; HARMFUL: left out */
  cvk_status status;
  char *text;
} cvk_opencl_driver;

typedef struct cvk_opencl_drivers {
  int32_t n;
  cvk_opencl_driver *item; /* sorted by path */
} cvk_opencl_drivers;

/* vendors: OCL_ICD_VENDORS, or NULL: the system's folder. Not a folder (one driver by name): none is listed. 0: no memory. */
int cvk_opencl_drivers_list(const char *vendors, cvk_opencl_drivers *out);
void cvk_opencl_drivers_free(cvk_opencl_drivers *d);
/* Nonzero where the file may be read by the loader; else why not. */
int cvk_opencl_driver_is_sound(const cvk_opencl_driver *d, char *why, size_t why_bytes);
int cvk_opencl_driver_set(cvk_opencl_driver *d, int32_t result, cvk_status status, const char *text); /* 0: no memory */
/* Of the list, the files and what in the environment changes how drivers act. */
uint64_t cvk_opencl_drivers_fingerprint(const char *vendors, const cvk_opencl_drivers *d);

/* A folder in $TMPDIR, else /tmp, with the drivers that are not HARMFUL, for OCL_ICD_VENDORS. 0: it could not be made. */
#define CVK_VENDORS_BYTES 512
int cvk_opencl_vendors_make(const cvk_opencl_drivers *d, char folder[CVK_VENDORS_BYTES]);
void cvk_opencl_vendors_remove(const cvk_opencl_drivers *d, const char *folder);

/* Around the first contact with the drivers, where some are HARMFUL: OCL_ICD_VENDORS names such a folder in between. `saved` is the caller's room. */
typedef struct cvk_opencl_filter {
  char folder[CVK_VENDORS_BYTES]; /* "": nothing was changed */
  char *before;                   /* the variable's value; NULL: it was not set */
} cvk_opencl_filter;
int cvk_opencl_filter_begin(const cvk_opencl_drivers *d, cvk_opencl_filter *saved); /* 0: not possible, and nothing changed */
void cvk_opencl_filter_end(const cvk_opencl_drivers *d, cvk_opencl_filter *saved);

#endif
