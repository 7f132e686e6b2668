/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Floods a host with pings and looks at each byte that comes back, which ping -f
 * does not do. Static, so that it runs in any initramfs.
 *
 *   flood ADDRESS COUNT SECONDS
 *
 * Bursts of 1 to BURST_MAX pings of any size, each burst sent when all of the one
 * before are answered: like ping -f no faster than answers come, so that whatever
 * is between may not drop any. A ping without an answer within ANSWER_MS is given up.
 *
 * Prints "asserted=… expected=… real=… unanswered=… late=… wrong=… slowest_ms=…":
 * sent, sent, answered with the right data, not answered in time, of those answered
 * later, answers with wrong data, and the longest wait for an answer.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BURST_MAX 8
#define ANSWER_MS 4000	/* a line that is stuck never answers; a busy machine does */
#define HEADER sizeof(struct icmphdr)
#define DATA_MAX (1500 - 20 - HEADER)	/* one frame: Ethernet's MTU, IP's header */
#define SEED 0x1f0dULL

struct flood {
	int fd;
	uint16_t id;
	uint64_t random;
	uint32_t sent, right, lost, late, wrong;
	/* The burst: its first sequence number, and what is still to come. */
	uint32_t first, pings;
	int64_t began, slowest;		/* in ms */
	bool waits[BURST_MAX];
	size_t sizes[BURST_MAX];
	unsigned char data[BURST_MAX][HEADER + DATA_MAX];
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Marsaglia's xorshift: the same pings in every run. */
static uint64_t next_random(struct flood *f)
{
	f->random ^= f->random << 13;
	f->random ^= f->random >> 7;
	f->random ^= f->random << 17;
	return f->random;
}

/* RFC 1071. */
static uint16_t checksum(const unsigned char *data, size_t size)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < size; i++)
		sum += (uint32_t)data[i] << (i % 2 ? 0 : 8);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

static void fill(struct flood *f, uint32_t n)
{
	unsigned char *packet = f->data[n];
	size_t size = HEADER + (size_t)(next_random(f) % (DATA_MAX + 1));
	struct icmphdr icmp = {
		.type = ICMP_ECHO,
		.un.echo = { .id = f->id, .sequence = htons((uint16_t)(f->first + n)) },
	};

	for (size_t i = HEADER; i < size; i++)
		packet[i] = (unsigned char)(next_random(f) >> 24);
	memcpy(packet, &icmp, HEADER);
	icmp.checksum = checksum(packet, size);
	memcpy(packet, &icmp, HEADER);
	f->sizes[n] = size;
}

static int send_burst(struct flood *f, uint32_t left)
{
	f->began = now_ms();
	f->first = f->sent;
	f->pings = 1 + (uint32_t)(next_random(f) % BURST_MAX);
	if (f->pings > left)
		f->pings = left;
	for (uint32_t n = 0; n < f->pings; n++)
		fill(f, n);
	for (uint32_t n = 0; n < f->pings; n++) {
		if (send(f->fd, f->data[n], f->sizes[n], 0) != (ssize_t)f->sizes[n])
			return -errno;
		f->waits[n] = true;
		f->sent++;
	}
	return 0;
}

/* One packet, IP's header first; whether it answers a ping of this burst. */
static bool hear(struct flood *f, const unsigned char *packet, size_t size)
{
	size_t ip = size ? (size_t)(packet[0] & 15) * 4 : 0;
	const unsigned char *answer = packet + ip;
	struct icmphdr icmp;
	uint16_t n;

	if (size < ip + HEADER)
		return false;
	memcpy(&icmp, answer, HEADER);
	if (icmp.type != ICMP_ECHOREPLY || icmp.un.echo.id != f->id)
		return false;
	n = (uint16_t)(ntohs(icmp.un.echo.sequence) - f->first);
	if (n >= f->pings || !f->waits[n]) {
		f->late++;	/* or came twice */
		return false;
	}
	f->waits[n] = false;
	if (now_ms() - f->began > f->slowest)
		f->slowest = now_ms() - f->began;
	if (size - ip == f->sizes[n] &&
	    !memcmp(answer + HEADER, f->data[n] + HEADER, f->sizes[n] - HEADER))
		f->right++;
	else
		f->wrong++;
	return true;
}

static void await_answers(struct flood *f)
{
	int64_t end = f->began + ANSWER_MS;
	uint32_t left = f->pings;

	while (left) {
		struct pollfd p = { .fd = f->fd, .events = POLLIN };
		unsigned char packet[2048];
		int64_t rest = end - now_ms();
		ssize_t n;

		if (rest <= 0 || poll(&p, 1, (int)rest) <= 0)
			return;
		n = recv(f->fd, packet, sizeof(packet), 0);
		if (n > 0 && hear(f, packet, (size_t)n))
			left--;
	}
}

/* What is not answered is lost; says so, with the time, for whoever looks for why. */
static void give_up(struct flood *f)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < f->pings; i++)
		n += f->waits[i];
	if (n)
		fprintf(stderr, "@note flood: %u of the %u pings from %u on lost, at %lld ms\n",
			n, f->pings, f->first, (long long)now_ms());
	f->lost += n;
	memset(f->waits, 0, sizeof(f->waits));
}

static int run(struct flood *f, uint32_t count, int64_t seconds)
{
	int64_t end = now_ms() + seconds * 1000, told = now_ms();
	int rc = 0;

	while (!rc && f->sent < count && now_ms() < end) {
		rc = send_burst(f, count - f->sent);
		await_answers(f);
		give_up(f);
		/* Kept by the host should the guest not come to its end. */
		if (now_ms() - told > 2000) {
			told = now_ms();
			fprintf(stderr, "@progress asserted=%u expected=%u real=%u stalls=%u\n",
				f->sent, f->sent, f->right, f->lost);
		}
	}
	if (rc)
		fprintf(stderr, "@note flood: cannot send: %s\n", strerror(-rc));
	printf("asserted=%u expected=%u real=%u unanswered=%u late=%u wrong=%u slowest_ms=%lld\n",
	       f->sent, f->sent, f->right, f->lost, f->late, f->wrong, (long long)f->slowest);
	return rc ? 1 : 0;
}

int main(int argc, char **argv)
{
	static struct flood f = { .random = SEED };
	struct sockaddr_in to = { .sin_family = AF_INET };

	if (argc != 4 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1) {
		fprintf(stderr, "usage: flood ADDRESS COUNT SECONDS\n");
		return 2;
	}
	f.id = htons((uint16_t)getpid());
	f.fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	if (f.fd < 0 || connect(f.fd, (struct sockaddr *)&to, sizeof(to))) {
		fprintf(stderr, "@note flood: %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	return run(&f, (uint32_t)strtoul(argv[2], NULL, 10), strtol(argv[3], NULL, 10));
}
