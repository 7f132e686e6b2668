/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a libFuzzer harness without libFuzzer: on the files named, or on inputs
 * drawn from a fixed seed, so that every compiler and sanitizer runs it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define INPUTS		3000u
#define INPUT_BYTES	4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t draw(uint64_t *x)
{
	*x ^= *x >> 12;
	*x ^= *x << 25;
	*x ^= *x >> 27;
	return (*x * 0x2545f4914f6cdd1d) >> 56;
}

static void random_inputs(void)
{
	static uint8_t data[INPUT_BYTES];
	uint64_t x = 1;

	printf("1..1\n# %u inputs of %u bytes, seed %" PRIu64 "\n",
	       INPUTS, INPUT_BYTES, x);
	for (unsigned int i = 0; i < INPUTS; i++) {
		for (unsigned int k = 0; k < INPUT_BYTES; k++)
			data[k] = (uint8_t)draw(&x);
		LLVMFuzzerTestOneInput(data, sizeof(data));
	}
	printf("ok 1 - random inputs\n");
}

static int replay(const char *path)
{
	static uint8_t data[1 << 20];
	FILE *f = fopen(path, "rb");
	size_t size;

	if (!f) {
		perror(path);
		return 1;
	}
	size = fread(data, 1, sizeof(data), f);
	fclose(f);
	LLVMFuzzerTestOneInput(data, size);
	printf("%s: holds\n", path);
	return 0;
}

int main(int argc, char **argv)
{
	int failed = 0;

	if (argc == 1)
		random_inputs();
	for (int i = 1; i < argc; i++)
		failed |= replay(argv[i]);
	return failed;
}
