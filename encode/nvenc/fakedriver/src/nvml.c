#include <string.h>

#include "fake.h"

// As much of NVML as is asked: one GPU, of which all is known.
// https://docs.nvidia.com/deploy/nvml-api/

enum { NVML_SUCCESS = 0, NVML_INVALID_ARGUMENT = 2, NVML_NOT_SUPPORTED = 3, NVML_INSUFFICIENT_SIZE = 7 };

struct nvml_memory { unsigned long long total, free, used; };
struct nvml_rates { unsigned gpu, memory; };

#define TOLD                                       \
	do {                                           \
		int told = fake_told(__func__);            \
		if (told > 0) return told;                 \
	} while (0)

static int gpu;

int nvmlInit_v2(void) { TOLD; return NVML_SUCCESS; }
int nvmlShutdown(void) { TOLD; return NVML_SUCCESS; }
const char *nvmlErrorString(int status) { return status ? "it was told to fail" : "success"; }

int nvmlDeviceGetCount_v2(unsigned *count) {
	TOLD;
	*count = 1;
	return NVML_SUCCESS;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device) {
	TOLD;
	*device = &gpu;
	return index ? NVML_INVALID_ARGUMENT : NVML_SUCCESS;
}

static int text(char *to, unsigned room, const char *from) {
	if (strlen(from) >= room) return NVML_INSUFFICIENT_SIZE;
	strcpy(to, from);
	return NVML_SUCCESS;
}

int nvmlDeviceGetName(void *device, char *name, unsigned room) { TOLD; return text(name, room, "Fake T4"); }
int nvmlDeviceGetUUID(void *device, char *uuid, unsigned room) { TOLD; return text(uuid, room, "GPU-fake"); }

int nvmlDeviceGetMemoryInfo(void *device, struct nvml_memory *memory) {
	TOLD;
	*memory = (struct nvml_memory){.total = 16ull << 30, .free = 15ull << 30, .used = 1ull << 30};
	return NVML_SUCCESS;
}

int nvmlDeviceGetUtilizationRates(void *device, struct nvml_rates *rates) {
	TOLD;
	*rates = (struct nvml_rates){.gpu = 40, .memory = 10};
	return NVML_SUCCESS;
}

int nvmlDeviceGetEncoderUtilization(void *device, unsigned *percent, unsigned *period) {
	TOLD;
	*percent = 7, *period = 1000;
	return NVML_SUCCESS;
}

int nvmlDeviceGetEncoderSessions(void *device, unsigned *count, void *sessions) {
	TOLD;
	*count = 0;
	return NVML_SUCCESS;
}

int nvmlDeviceGetCurrentClocksThrottleReasons(void *device, unsigned long long *reasons) {
	TOLD;
	*reasons = 4; // the power limit
	return NVML_SUCCESS;
}

int nvmlDeviceGetMigMode(void *device, unsigned *now, unsigned *next) { TOLD; return NVML_NOT_SUPPORTED; }
int nvmlDeviceGetMaxMigDeviceCount(void *device, unsigned *count) { TOLD; return NVML_NOT_SUPPORTED; }
int nvmlDeviceGetMigDeviceHandleByIndex(void *device, unsigned index, void **part) { TOLD; return NVML_NOT_SUPPORTED; }
