// Brings pictures from shared memory to a GPU by what the encoder uses of CUDA,
// with the memory page-locked and without, brings them back, and compares. It
// needs no NVENC. The argument is the library; it ends with 77 where there is no
// GPU to be had, and says why.

#define _GNU_SOURCE
#include "../library.c"

#include <stdlib.h>
#include <sys/shm.h>
#include <time.h>

enum { W = 1920, H = 1080, STRIDE = 4 * W, SIZE = STRIDE * H, TIMES = 51, ABSENT = 77 };

// The filter is for NVENC, which is not used here.
int nvenc_filter(void *library, const uint32_t *ids, int n) {
	(void)library, (void)ids;
	return n;
}

static struct cuda cuda;
static cuda_ptr picture;
static size_t pitch;
static uint8_t *shared, *back;

static void must(cuda_result result, const char *operation) {
	if (!result) return;
	const char *name = nvenc_cuda_name(result);
	printf("%s: %s (%d)\n", operation, name ? name : "status", result);
	exit(1);
}

static double now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static void up(int w, int h) {
	struct cuda_copy c = {.src_type = CUDA_HOST, .src_host = shared, .src_pitch = STRIDE, .dst_type = CUDA_DEVICE,
	                      .dst_device = picture, .dst_pitch = pitch, .width = 4 * (size_t)w, .height = h};
	must(cuda.copy(&c), "cuMemcpy2D to the GPU");
}

static void down(void) {
	struct cuda_copy c = {.src_type = CUDA_DEVICE, .src_device = picture, .src_pitch = pitch, .dst_type = CUDA_HOST,
	                      .dst_host = back, .dst_pitch = STRIDE, .width = STRIDE, .height = H};
	must(cuda.copy(&c), "cuMemcpy2D from the GPU");
}

static int ascending(const void *a, const void *b) {
	double d = *(const double *)a - *(const double *)b;
	return (d > 0) - (d < 0);
}

// measure says how long a picture takes, and compares what comes back.
static void measure(const char *memory, int w, int h) {
	double took[TIMES];
	for (int n = 0; n < TIMES; n++) {
		for (int y = 0; y < h; y++) memset(shared + (size_t)y * STRIDE, 7 * n + y, 4 * (size_t)w);
		double began = now();
		up(w, h);
		took[n] = now() - began;
	}
	down();
	if (memcmp(shared, back, SIZE)) {
		printf("%s: what comes back is another picture\n", memory);
		exit(1);
	}
	qsort(took, TIMES, sizeof *took, ascending);
	printf("%s, %dx%d: %.0f µs p50, %.0f µs p95\n", memory, w, h, took[TIMES / 2], took[TIMES * 95 / 100]);
}

static void measure_all(const char *memory) {
	measure(memory, W, H); // first: what comes back is compared as a whole
	measure(memory, 1280, 800);
	measure(memory, 16, 16);
}

static int absent(const char *operation, int result) {
	const char *name = nvenc_cuda_name(result);
	printf("no GPU by CUDA: %s: %s (%d)\n", operation, name ? name : "status", result);
	return ABSENT;
}

int main(int argc, char **argv) {
	if (argc != 2) return 2;
	struct nvenc_error error;
	if (load_cuda(argv[1], &cuda, &error)) {
		printf("no CUDA driver: %s: %s\n", error.operation, error.text);
		return ABSENT;
	}
	int result = cuda.init(0), count = 0;
	if (result) return absent("cuInit", result);
	if ((result = cuda.count(&count)) || count < 1) return absent("cuDeviceGetCount", result);
	cuda_device device;
	char name[CUDA_NAME] = "";
	cuda_context context;
	must(cuda.get(&device, 0), "cuDeviceGet");
	must(cuda.name(name, sizeof name, device), "cuDeviceGetName");
	printf("%.*s\n", CUDA_NAME, name);
	must(cuda.create(&context, CUDA_BLOCKING_SYNC, device), "cuCtxCreate");
	must(cuda.alloc(&picture, &pitch, STRIDE, H, 16), "cuMemAllocPitch");

	int id = shmget(IPC_PRIVATE, SIZE, IPC_CREAT | 0600);
	shared = id < 0 ? (void *)-1 : shmat(id, NULL, 0);
	if (id >= 0) shmctl(id, IPC_RMID, NULL); // it goes with this process
	back = malloc(SIZE);
	if (shared == (void *)-1 || !back) {
		perror("memory");
		return 1;
	}
	measure_all("copied by the driver");
	double began = now();
	result = cuda.pin(shared, SIZE, 0);
	if (result) {
		const char *why = nvenc_cuda_name(result);
		printf("the shared memory cannot be page-locked: cuMemHostRegister: %s (%d)\n", why ? why : "status", result);
	} else {
		printf("page-locked in %.0f µs\n", now() - began);
		measure_all("page-locked");
		must(cuda.unpin(shared), "cuMemHostUnregister");
	}
	must(cuda.free(picture), "cuMemFree");
	must(cuda.pop(&context), "cuCtxPopCurrent");
	must(cuda.destroy(context), "cuCtxDestroy");
	free(back);
	return 0;
}
