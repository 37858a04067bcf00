//go:build cgo && !nonvenc

#define _GNU_SOURCE
#include "filter.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <pthread.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

// NVOS54_PARAMETERS, of NV_ESC_RM_CONTROL.
struct control {
	uint32_t client, object, command, flags;
	uint64_t params;
	uint32_t params_size, status;
};

enum {
	RM_CONTROL = 0x2a,
	GET_ATTACHED_IDS = 0x201, // NV0000_CTRL_CMD_GPU_GET_ATTACHED_IDS
	ATTACHED_SIZE = 4 * NVENC_FILTER_MOST,
};
static const uint32_t INVALID_ID = 0xffffffff;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static uint32_t left_out[NVENC_FILTER_MOST];
static int left_out_count;
static int (*below)(int, unsigned long, void *);

static int is_left_out(uint32_t id) {
	for (int i = 0; i < left_out_count; i++)
		if (left_out[i] == id) return 1;
	return 0;
}

// sift takes the GPUs that are left out from a list, and closes the gaps.
static void sift(uint32_t *ids) {
	int kept = 0;
	for (int i = 0; i < NVENC_FILTER_MOST; i++)
		if (ids[i] != INVALID_ID && !is_left_out(ids[i])) ids[kept++] = ids[i];
	while (kept < NVENC_FILTER_MOST) ids[kept++] = INVALID_ID;
}

// filtered stands in for ioctl(2).
static int filtered(int fd, unsigned long request, ...) {
	va_list args;
	va_start(args, request);
	void *argument = va_arg(args, void *);
	va_end(args);
	pthread_mutex_lock(&mutex);
	int (*kernel)(int, unsigned long, void *) = below;
	pthread_mutex_unlock(&mutex);
	int result = kernel ? kernel(fd, request, argument) : ioctl(fd, request, argument);
	if (result < 0 || _IOC_TYPE(request) != 'F' || _IOC_NR(request) != RM_CONTROL || _IOC_SIZE(request) != sizeof(struct control))
		return result;
	const struct control *control = argument;
	if (control->command != GET_ATTACHED_IDS || control->status || control->params_size != ATTACHED_SIZE || !control->params)
		return result;
	pthread_mutex_lock(&mutex);
	sift((uint32_t *)(uintptr_t)control->params);
	pthread_mutex_unlock(&mutex);
	return result;
}

void nvenc_filter_kernel(int (*kernel)(int, unsigned long, void *)) {
	pthread_mutex_lock(&mutex);
	below = kernel;
	pthread_mutex_unlock(&mutex);
}

// put writes to a slot that the dynamic linker may have made read-only.
static int put(void **slot, void *value) {
	uintptr_t page = (uintptr_t)slot & ~((uintptr_t)sysconf(_SC_PAGESIZE) - 1);
	if (mprotect((void *)page, (uintptr_t)(slot + 1) - page, PROT_READ | PROT_WRITE)) return -1;
	*slot = value;
	return 0;
}

// entry is a part of the dynamic section, as an address.
static const void *entry(const struct link_map *map, ElfW(Sxword) tag, size_t *value) {
	for (const ElfW(Dyn) *d = map->l_ld; d->d_tag != DT_NULL; d++) {
		if (d->d_tag != tag) continue;
		if (value) *value = d->d_un.d_val;
		return (const void *)(d->d_un.d_ptr < map->l_addr ? d->d_un.d_ptr + map->l_addr : d->d_un.d_ptr);
	}
	return NULL;
}

// hook replaces ioctl in one table of relocations, and returns how often.
static int hook(const struct link_map *map, ElfW(Sxword) table, ElfW(Sxword) size_tag) {
	size_t size = 0;
	const ElfW(Rela) *r = entry(map, table, NULL);
	const ElfW(Sym) *symbols = entry(map, DT_SYMTAB, NULL);
	const char *names = entry(map, DT_STRTAB, NULL);
	if (!r || !entry(map, size_tag, &size) || !symbols || !names) return 0;
	int hooked = 0;
	for (size_t i = 0; i < size / sizeof *r; i++) {
		const ElfW(Sym) *symbol = &symbols[ELF64_R_SYM(r[i].r_info)];
		if (!ELF64_R_SYM(r[i].r_info) || r[i].r_addend || strcmp(names + symbol->st_name, "ioctl")) continue;
		hooked += !put((void **)(map->l_addr + r[i].r_offset), (void *)filtered);
	}
	return hooked;
}

int nvenc_filter(void *library, const uint32_t *ids, int n) {
	struct link_map *map;
	if (n > NVENC_FILTER_MOST || dlinfo(library, RTLD_DI_LINKMAP, &map)) return -1;
	pthread_mutex_lock(&mutex);
	memcpy(left_out, ids, n * sizeof *ids);
	left_out_count = n;
	pthread_mutex_unlock(&mutex);
	if (n == 0) return 0;
	return hook(map, DT_JMPREL, DT_PLTRELSZ) + hook(map, DT_RELA, DT_RELASZ) ? 0 : -1;
}
