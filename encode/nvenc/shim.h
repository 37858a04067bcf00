#ifndef LUCARNE_NVENC_SHIM_H
#define LUCARNE_NVENC_SHIM_H

#include <stddef.h>
#include <stdint.h>

// Who refused: the status in a struct nvenc_error is that one's.
enum nvenc_layer {
	NVENC_LAYER_NONE,
	NVENC_LAYER_CUDA_LIBRARY,   // libcuda.so.1 cannot be loaded, or lacks a function
	NVENC_LAYER_ENCODE_LIBRARY, // the same of libnvidia-encode.so.1
	NVENC_LAYER_VERSION,        // the driver's encoder is older than the API; status is what it has, major<<4 | minor
	NVENC_LAYER_CUDA,           // CUresult
	NVENC_LAYER_NVENC,          // NVENCSTATUS
	NVENC_LAYER_ANSWER,         // the driver says that all is well and answers nonsense
	NVENC_LAYER_SIZE,           // the GPU does not encode pictures of this size
	NVENC_LAYER_COLOUR,         // the GPU does not encode 4:4:4
	NVENC_LAYER_CODEC,          // the GPU does not encode H.264
};

// What went wrong. operation is empty while nothing has.
struct nvenc_error {
	enum nvenc_layer layer;
	int status;
	char operation[48]; // the function, as the vendor names it
	char text[208];     // what the driver says about it; may be empty
};

struct nvenc_options {
	const char *cuda, *encode; // the libraries, as dlopen takes them
	int device;                // CUDA's index
	int width, height;         // pixels; even but in 4:4:4
	int fps, preset;           // preset: 1 to 4, fast to good
	int full_colour;           // 4:4:4
	int min_qp;
	uint32_t bps;
	uint32_t left_out[32]; // GPUs of the host that this process does not have, see filter.h
	int left_out_count;
};

struct nvenc_rect {
	int32_t x0, y0, x1, y1;
};

struct nvenc_session;

// What nvenc_encode made. data is valid until the next call.
struct nvenc_packet {
	const uint8_t *data;
	size_t size;
	int key, qp;
};

// nvenc_open loads the libraries and opens an encoder. On an error it returns
// NULL. name gets the GPU's name as soon as it is known.
struct nvenc_session *nvenc_open(const struct nvenc_options *options, char name[96], struct nvenc_error *error);

// nvenc_close frees all of it; session may be NULL.
void nvenc_close(struct nvenc_session *session);

// The functions below return 0, or -1 and fill error. They may be called on any
// thread, one at a time: each makes the context current and takes it off again.

// nvenc_upload brings n rectangles of a BGRX picture of width×height pixels, at
// most the session's, to the GPU. What it has of the last column and row goes
// into those that the session has more.
int nvenc_upload(struct nvenc_session *session, const uint8_t *pix, size_t stride, int width, int height,
                 const struct nvenc_rect *rects, int n, struct nvenc_error *error);

// nvenc_encode encodes the picture that the GPU has. stamp names it for
// nvenc_invalidate.
int nvenc_encode(struct nvenc_session *session, int key, uint64_t stamp, struct nvenc_packet *packet,
                 struct nvenc_error *error);

// nvenc_set_rate changes the bitrate and the coarsest quantizer, 0 for none.
int nvenc_set_rate(struct nvenc_session *session, uint32_t bps, int max_qp, struct nvenc_error *error);

// nvenc_resize makes the session one of another size without opening it anew;
// the next frame is a key frame. *done is 0 where that cannot be done.
int nvenc_resize(struct nvenc_session *session, int width, int height, int *done, struct nvenc_error *error);

// nvenc_refs is how many frames the session keeps for reference.
int nvenc_refs(const struct nvenc_session *session);

// nvenc_invalidate has no later frame refer to the one named stamp.
int nvenc_invalidate(struct nvenc_session *session, uint64_t stamp, struct nvenc_error *error);

// nvenc_pin page-locks memory that pictures are uploaded from; nvenc_unpin lets
// it go.
int nvenc_pin(struct nvenc_session *session, const void *memory, size_t size, struct nvenc_error *error);
void nvenc_unpin(struct nvenc_session *session);

// nvenc_status_name is NVENC's name of a status, nvenc_cuda_name CUDA's of the
// few that tell causes apart; NULL for others.
const char *nvenc_status_name(int status);
const char *nvenc_cuda_name(int status);

#endif
