/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of the VFIO sources that need no device: mappings on an IOMMU that
 * only counts, and a configuration space that is a file in memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "source/error.h"
#include "source/vfio_dma.h"
#include "source/vfio_request.h"

/* ---- mappings ----------------------------------------------------------- */

static unsigned int maps, unmaps;
static int map_result;

static int fake_map(struct vfio_dma *dma, uint64_t iova, void *vaddr,
		    uint64_t size)
{
	maps++;
	return map_result;
}

static int fake_unmap(struct vfio_dma *dma, uint64_t iova, uint64_t size)
{
	unmaps++;
	return 0;
}

static const struct vfio_dma_ops fake_ops = { fake_map, fake_unmap };

static struct vfio_dma *new_dma(int *fd)
{
	struct vfio_dma *dma;

	maps = unmaps = 0;
	map_result = 0;
	*fd = memfd_create("container", 0);
	assert_int_equal(vfio_dma_new(&dma, &fake_ops, *fd), 0);
	return dma;
}

static void a_mapping_of_two_devices_is_made_once(void **state)
{
	int fd;
	struct vfio_dma *dma = new_dma(&fd);
	char memory[2];

	vfio_dma_get(dma);
	assert_int_equal(vfio_dma_map(dma, 0, memory, 0x1000), 0);
	assert_int_equal(vfio_dma_map(dma, 0, memory, 0x1000), 0);
	assert_int_equal(maps, 1);
	assert_int_equal(vfio_dma_unmap(dma, 0, 0x1000), 0);
	assert_int_equal(unmaps, 0);
	assert_int_equal(vfio_dma_unmap(dma, 0, 0x1000), 0);
	assert_int_equal(unmaps, 1);
	assert_int_equal(vfio_dma_unmap(dma, 0, 0x1000), -ENOENT);
	vfio_dma_put(dma);
	assert_true(fcntl(fd, F_GETFD) >= 0);
	vfio_dma_put(dma);
	assert_true(fcntl(fd, F_GETFD) < 0);
}

static void what_the_iommu_refuses_is_not_noted(void **state)
{
	int fd;
	struct vfio_dma *dma = new_dma(&fd);
	char memory[2];

	map_result = -ENOMEM;
	assert_int_equal(vfio_dma_map(dma, 0, memory, 0x1000), -ENOMEM);
	assert_non_null(strstr(error_text(), "ulimit -l"));
	map_result = -EINVAL;
	assert_int_equal(vfio_dma_map(dma, 1, memory, 0x1000), -EINVAL);
	assert_non_null(strstr(error_text(), "page-aligned"));
	assert_int_equal(vfio_dma_unmap(dma, 0, 0x1000), -ENOENT);
	assert_int_equal(unmaps, 0);
	vfio_dma_put(dma);
}

/* ---- a device that disappears ------------------------------------------- */

static atomic_uint reports[3];

static void reported(void *opaque, enum vfio_report report)
{
	atomic_fetch_add(&reports[report], 1);
}

static void set_config(int fd, uint8_t value)
{
	uint8_t config[256];

	memset(config, value, sizeof(config));
	assert_int_equal(pwrite(fd, config, sizeof(config), 0x1000), 256);
}

static void a_device_is_gone_once(void **state)
{
	struct vfio_device dev = {
		.address = "0000:00:03.0",
		.fd = memfd_create("device", 0),
		.config_offset = 0x1000,
	};
	struct vfio_request req;
	struct loop *loop;

	set_config(dev.fd, 0x12);
	assert_int_equal(loop_new(&loop), 0);
	assert_int_equal(vfio_request_open(&req, &dev, loop, reported, NULL),
			 0);
	vfio_request_check(&req);
	usleep(20000);
	assert_int_equal(atomic_load(&reports[VFIO_REPORT_GONE]), 0);
	set_config(dev.fd, 0xff);
	for (unsigned int i = 0; i < 1000; i++) {
		vfio_request_check(&req);
		if (atomic_load(&reports[VFIO_REPORT_GONE]))
			break;
		usleep(1000);
	}
	vfio_request_check(&req);
	usleep(20000);
	assert_int_equal(atomic_load(&reports[VFIO_REPORT_GONE]), 1);
	assert_int_equal(atomic_load(&reports[VFIO_REPORT_REQUESTED]), 0);
	vfio_request_close(&req);
	loop_free(loop);
	close(dev.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mapping_of_two_devices_is_made_once),
		cmocka_unit_test(what_the_iommu_refuses_is_not_noted),
		cmocka_unit_test(a_device_is_gone_once),
	};

	return cmocka_run_group_tests_name("vfio_parts", tests, NULL, NULL);
}
