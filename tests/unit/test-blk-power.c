/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-blk-power.c: what is left of a guest's writes when the power fails at any moment: at
 * least what it was told is stable (virtio 1.2, 5.2.6.2).
 *
 * The store has a cache that forgets: of what was written to a sector since the last flush
 * any one may be what the medium holds. The guest's side knows for each sector from which
 * write on it may have any.
 */
#include <pthread.h>
#include <string.h>

#include "base/loop.h"
#include "unit/disk.h"
#include "unit/unit.h"

#define SECTOR    512u
#define SECTORS   64u
#define BATCH     12u
#define HISTORIES 1000u
#define VARIANTS  10
#define VALUES    256u
#define SECOND_NS 1000000000ull

static struct disk disk;

/* What a sector may hold, oldest first; a value is a number that no other write has. */
struct values {
	uint32_t list[VALUES];
	unsigned count;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct values medium[SECTORS];  /* after a power failure: one of these */
static struct values allowed[SECTORS]; /* by what the guest was told */
static uint32_t next_value;

static void only(struct values *values, uint32_t value)
{
	values->list[0] = value;
	values->count = 1;
}

static void add(struct values *values, uint32_t value)
{
	ck_assert_uint_lt(values->count, VALUES);
	values->list[values->count++] = value;
}

static uint32_t last(const struct values *values)
{
	return values->list[values->count - 1];
}

static bool has(const struct values *values, uint32_t value)
{
	unsigned i;

	for (i = 0; i < values->count; i++)
		if (values->list[i] == value)
			return true;
	return false;
}

/* From this one on. */
static void forget_before(struct values *values, uint32_t value)
{
	unsigned i = 0;

	while (values->list[i] != value)
		i++;
	values->count -= i;
	memmove(values->list, values->list + i, values->count * sizeof(value));
}

/* ---- the store ------------------------------------------------------------------------ */

static void written(const struct blk_io *io, uint64_t at, uint32_t value)
{
	struct values *values = &medium[(io->offset + at) / SECTOR];

	if (io->stable)
		only(values, value);
	else
		add(values, value);
}

static int take(const struct blk_io *io)
{
	unsigned i, piece;
	uint64_t at = 0;

	pthread_mutex_lock(&lock);
	for (i = 0; io->op == BLK_FLUSH && i < SECTORS; i++)
		only(&medium[i], last(&medium[i]));
	for (piece = 0; io->op == BLK_WRITE && piece < io->npieces; piece++)
		for (i = 0; i < io->pieces[piece].iov_len; i += SECTOR, at += SECTOR) {
			uint32_t value;

			memcpy(&value, (uint8_t *)io->pieces[piece].iov_base + i, sizeof(value));
			written(io, at, value);
		}
	pthread_mutex_unlock(&lock);
	return 0;
}

/* ---- the guest ------------------------------------------------------------------------- */

struct step {
	struct request *request;
	unsigned sector, count;
	uint32_t first;         /* value of the first sector; the next ones follow */
	bool told, stable;      /* it was done; and was stable then */
	uint32_t safe[SECTORS]; /* a flush's: what had been told before it began */
};

static bool through; /* writes go through: each is stable when it is done */
static uint32_t told_last[SECTORS];

static void begin_write(struct step *step, bool *busy)
{
	unsigned i, most = 1 + unit_random(6);

	for (i = 0; i < most && step->sector + i < SECTORS && !busy[step->sector + i]; i++)
		busy[step->sector + i] = true;
	step->count = i;
	step->first = next_value + 1;
	step->request = request_new(VIRTIO_BLK_T_OUT, step->sector, i * SECTOR, 0);
	for (i = 0; i < step->count; i++) {
		next_value++;
		memcpy((uint8_t *)fake_ram(request_data(step->request)) + (size_t)i * SECTOR,
		       &next_value, sizeof(next_value));
		add(&allowed[step->sector + i], next_value);
	}
	step->stable = through;
}

/* Writes of one time do not overlap; a flush promises nothing of what goes along with it. */
static void begin(struct step *step, bool *busy)
{
	*step = (struct step){ .sector = unit_random(SECTORS) };
	if (!busy[step->sector] && unit_random(4)) {
		begin_write(step, busy);
	} else {
		step->request = request_new(VIRTIO_BLK_T_FLUSH, 0, 0, 0);
		memcpy(step->safe, told_last, sizeof(told_last));
	}
	request_add(&disk, step->request, AS_LINUX);
}

static void learn(struct step *step)
{
	unsigned i;

	if (step->told || !step->request->done)
		return;
	step->told = true;
	ck_assert_uint_eq(request_result(step->request), VIRTIO_BLK_S_OK);
	for (i = 0; i < step->count; i++) {
		told_last[step->sector + i] = step->first + i;
		if (step->stable)
			forget_before(&allowed[step->sector + i], step->first + i);
	}
	for (i = 0; !step->count && i < SECTORS; i++)
		if (has(&allowed[i], step->safe[i]))
			forget_before(&allowed[i], step->safe[i]);
}

/* ---- the power -------------------------------------------------------------------------- */

/* Whatever the medium may hold is something that the guest has to expect. */
static void power_fails(void)
{
	unsigned i, j;

	pthread_mutex_lock(&lock);
	for (i = 0; i < SECTORS; i++)
		for (j = 0; j < medium[i].count; j++)
			ck_assert_msg(has(&allowed[i], medium[i].list[j]),
				      "sector %u may be %u, older than %u", i, medium[i].list[j],
				      allowed[i].list[0]);
	pthread_mutex_unlock(&lock);
}

/* Some of those that the store holds are done, or all that there are. */
static unsigned some_done(unsigned left)
{
	unsigned count = left;

	if (disk.store.hold) {
		unsigned held = store_held(&disk.store);

		count = held ? 1 + unit_random(held) : 0;
		store_release(&disk.store, count);
	}
	ck_assert(requests_wait(&disk, count));
	return count;
}

static void run_batch(void)
{
	struct step steps[BATCH];
	bool busy[SECTORS] = { false };
	unsigned i, left, count = 1 + unit_random(BATCH);

	disk.store.hold = unit_random(2);
	for (i = 0; i < count; i++)
		begin(&steps[i], busy);
	gvirtio_kick(&disk.v, disk.ring);
	for (left = count; left;) {
		left -= some_done(left);
		for (i = 0; i < count; i++)
			learn(&steps[i]);
		power_fails();
	}
	for (i = 0; i < count; i++)
		request_free(steps[i].request);
}

static void switch_cache(void)
{
	through = !through;
	gvirtio_set_config(&disk.v, offsetof(struct virtio_blk_config, wce), 1, !through);
}

static void begin_histories(void)
{
	unsigned i;

	for (i = 0; i < SECTORS; i++) {
		only(&medium[i], 0);
		only(&allowed[i], 0);
	}
	disk.store.verdict = take;
}

static void flush(void)
{
	ck_assert_uint_eq(disk_io(&disk, VIRTIO_BLK_T_FLUSH, 0, 0, 0), VIRTIO_BLK_S_OK);
	for (unsigned i = 0; i < SECTORS; i++)
		forget_before(&allowed[i], told_last[i]);
}

START_TEST(no_flushed_write_is_ever_lost)
{
	struct disk_config config = disk_store_variant(_i);
	const uint64_t end = loop_now() + 12 * SECOND_NS; /* on a busy machine */
	unsigned history, batch;

	disk_start(&disk, &config);
	begin_histories();
	for (history = 0; history < HISTORIES && loop_now() < end; history++) {
		if (!unit_random(4))
			switch_cache();
		for (batch = 1 + unit_random(4); batch; batch--)
			run_batch();
		disk.store.hold = false;
		flush();
		power_fails();
	}
	disk_stop(&disk);
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		TIMES(no_flushed_write_is_ever_lost, VARIANTS),
	};

	return unit_main("blk-power", disk_setup, fake_end, tests, ARRAY_SIZE(tests));
}
