/* SPDX-License-Identifier: Apache-2.0 */
/* A 16550A serial port that is never busy. */
#ifndef VMM_SERIAL_H
#define VMM_SERIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SERIAL_INPUT	1024u	/* bytes that wait for the guest; a power of two */

struct serial;

struct serial_config {
	/* A byte that the guest sends; called with the port's lock held. */
	void (*output)(void *opaque, uint8_t byte);
	/* The interrupt line; the same. */
	void (*line)(void *opaque, bool high);
	void *opaque;
};

/* NULL: no memory */
struct serial *serial_new(const struct serial_config *config);
void serial_free(struct serial *s);
void serial_reset(struct serial *s);

/* offset 0 … 7, a byte at a time */
uint8_t serial_read(struct serial *s, unsigned int offset);
void serial_write(struct serial *s, unsigned int offset, uint8_t value);

/* How many bytes can be received now. */
size_t serial_room(struct serial *s);
/* Bytes for the guest; those for which there is no room are lost. */
void serial_receive(struct serial *s, const uint8_t *data, size_t len);

#endif
