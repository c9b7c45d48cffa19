/* SPDX-License-Identifier: GPL-2.0-or-later */
/* disk.c: see disk.h. */
#include "unit/disk.h"

#include <errno.h>
#include <linux/virtio_ids.h>
#include <stdlib.h>
#include <string.h>

#include "devices/types.h"
#include "unit/unit.h"

#define SEGMENTS_MAX 256u

/* ---- the store ------------------------------------------------------------- */

static struct test_store *of(struct blk_store *store)
{
	return container_of(store, struct test_store, store);
}

/* As the kernel does it. */
static void move(const struct blk_io *io, uint8_t *at)
{
	unsigned i;

	for (i = 0; i < io->npieces; i++) {
		const struct iovec *piece = &io->pieces[i];

		if (io->op == BLK_READ)
			memcpy(piece->iov_base, at, piece->iov_len);
		else
			memcpy(at, piece->iov_base, piece->iov_len);
		at += piece->iov_len;
	}
}

static int perform(struct test_store *store, const struct blk_io *io)
{
	int err = store->verdict ? store->verdict(io) : 0;

	if (err || io->op == BLK_FLUSH || io->op == BLK_DISCARD)
		return err;
	if (io->offset + io->length > store->store.size)
		abort(); /* ck_assert() is for the test's own thread */
	if (io->op == BLK_WRITE_ZEROES)
		memset(store->data + io->offset, 0, io->length);
	else
		move(io, store->data + io->offset);
	return 0;
}

static void complete(struct loop_work *work)
{
	struct blk_io *io = container_of(work, struct blk_io, work);
	struct test_store *store = of(io->store);
	int err = perform(store, io);

	pthread_mutex_lock(&store->lock);
	store->active--;
	pthread_mutex_unlock(&store->lock);
	io->done(io, err);
}

static void record(struct test_store *store, const struct blk_io *io)
{
	const void *data = io->npieces ? io->pieces->iov_base : NULL;

	if (store->nlog < STORE_LOG)
		store->log[store->nlog++] = (struct store_record){ .op = io->op,
								   .stable = io->stable,
								   .unmap = io->unmap,
								   .offset = io->offset,
								   .length = io->length,
								   .npieces = io->npieces,
								   .data = data };
	if (++store->active > store->most_active)
		store->most_active = store->active;
}

static void submit(struct blk_store *base, struct loop *loop, struct blk_io *io)
{
	struct test_store *store = of(base);
	unsigned ms;

	for (ms = 0; ms < store->block_ms; ms++)
		unit_nap_us(1000);
	io->store = base;
	io->loop = loop;
	io->work.run = complete;
	pthread_mutex_lock(&store->lock);
	record(store, io);
	if (store->hold && (!store->holds || store->holds(io)))
		store->held[store->nheld++] = io;
	else
		loop_post(loop, &io->work);
	pthread_mutex_unlock(&store->lock);
}

static void close_store(struct blk_store *base)
{
	free(of(base)->data);
	of(base)->data = NULL;
}

/* To a size within what there is, or -errno. */
static int look_again(struct blk_store *base)
{
	struct test_store *store = of(base);

	if ((int64_t)store->grown < 0)
		return (int)store->grown;
	if (store->grown)
		base->size = store->grown;
	return 0;
}

static const struct blk_store_ops ops = { .submit = submit,
					  .look_again = look_again,
					  .close = close_store };

unsigned store_held(struct test_store *store)
{
	unsigned held;

	pthread_mutex_lock(&store->lock);
	held = store->nheld;
	pthread_mutex_unlock(&store->lock);
	return held;
}

void store_release(struct test_store *store, unsigned count)
{
	unsigned i;

	pthread_mutex_lock(&store->lock);
	if (count > store->nheld)
		abort();
	for (i = 0; i < count; i++)
		loop_post(store->held[i]->loop, &store->held[i]->work);
	store->nheld -= count;
	for (i = 0; i < store->nheld; i++)
		store->held[i] = store->held[i + count];
	pthread_mutex_unlock(&store->lock);
}

static void store_init(struct test_store *store, const struct disk_config *config)
{
	const struct blk_geometry plain = BLK_GEOMETRY_PLAIN;
	uint64_t i, size = config->size ? config->size : STORE_BYTES;

	*store = (struct test_store){
		.store = { .ops = &ops,
			   .size = size,
			   .readonly = config->readonly,
			   .copies = config->copies,
			   .geometry = config->geometry.block ? config->geometry : plain },
		.data = malloc(size)
	};
	ck_assert_ptr_nonnull(store->data);
	pthread_mutex_init(&store->lock, NULL);
	for (i = 0; i < size; i++)
		store->data[i] = (uint8_t)unit_random(256);
}

/* ---- the disk ---------------------------------------------------------------- */

/* There is one at a time. */
static struct disk *the_disk;

static int open_disk(struct virtio_device *device, const void *options)
{
	the_disk = *(struct disk *const *)options;
	return blk_device_init(device, &the_disk->options);
}

static int connect_disk(struct virtio_device *device, bool again, struct reason *why)
{
	(void)again;
	if (!the_disk->store_is_there)
		return reason_set(why, -EAGAIN, "the store");
	blk_device_connect(device, &the_disk->store.store);
	return 0;
}

/* virtio-blk itself, but for where its store comes from. */
static const struct virtio_device_type *disk_type(void)
{
	static struct virtio_device_type type;

	type = virtio_blk;
	type.open = open_disk;
	type.connect = connect_disk;
	return &type;
}

void disk_setup(void)
{
	guest_boot(FAKE_HVM, 2, 8192);
}

struct disk_config disk_variant(int i)
{
	return (struct disk_config){ .memory = i & 1 ? GDMA_GRANTS : GDMA_PLAIN,
				     .workers = i & 2 ? 1 : 0 };
}

struct disk_config disk_store_variant(int i)
{
	struct disk_config config = disk_variant(i);

	config.copies = i & 4;
	return config;
}

void disk_driver_start(struct disk *disk, const struct disk_config *config)
{
	struct gvirtio *v = &disk->v;
	unsigned queues = config->queues ? config->queues : 1;

	v->dma = (struct gdma){ .kind = config->memory };
	ck_assert_int_ge(gvirtio_reset(v), 0);
	ck_assert(gvirtio_negotiate(v, ~config->without));
	ck_assert(gpci_msix_enable(&v->pci, GIRQ_MSIX, queues + 1));
	ck_assert(gvirtio_setup_queues(v, queues, config->ring_size ? config->ring_size : 256));
	gvirtio_driver_ok(v);
	disk->ring = v->ring[0];
}

void disk_driver_stop(struct disk *disk)
{
	gvirtio_remove(&disk->v);
	rig_assert_idle(&disk->rig);
	disk->ring = NULL;
}

void disk_start(struct disk *disk, const struct disk_config *config)
{
	const struct rig_config rig = { .memory = { config->policy, config->map_from },
					.windows = config->windows,
					.bounce = config->bounce,
					.workers = config->workers,
					.wait = VIRTIO_WAIT_ONLINE };
	struct gpci *pci = &disk->v.pci;

	store_init(&disk->store, config);
	disk->options = (struct blk_options){ .serial = (char *)config->serial,
					      .readonly = config->readonly,
					      .discard = !config->no_discard,
					      .cache = config->cache,
					      .stop = config->stop,
					      .requests = config->requests,
					      .bytes = config->bytes,
					      .burst = 10,
					      .queues = config->queues ? config->queues : 1 };
	disk->store_is_there = !config->late;
	rig_start(&disk->rig, disk_type(), &disk, &rig);
	ck_assert(gpci_linux(pci, 0, RIG_BDF, RIG_BAR));
	gpci_enable(pci, true);
	ck_assert(gvirtio_probe(&disk->v));
	disk_driver_start(disk, config);
}

static void retry(void *arg)
{
	virtio_device_retry(arg);
}

void disk_connect(struct disk *disk)
{
	disk->store_is_there = true;
	rig_call(&disk->rig, retry, &disk->rig.device);
}

static void look(void *arg)
{
	virtio_device_look_again(arg);
}

void disk_look_again(struct disk *disk)
{
	rig_call(&disk->rig, look, &disk->rig.device);
}

void disk_stop(struct disk *disk)
{
	if (disk->ring)
		disk_driver_stop(disk);
	rig_stop(&disk->rig);
	free(disk->store.data); /* of a store that never came */
	pthread_mutex_destroy(&disk->store.lock);
}

uint8_t disk_status(struct disk *disk)
{
	return (uint8_t)gvirtio_read(&disk->v, gvirtio_field(device_status), 1);
}

/* ---- requests ------------------------------------------------------------------- */

uint64_t request_data(const struct request *request)
{
	return request->pages + FAKE_PAGE;
}

uint64_t request_header(const struct request *request)
{
	return request_data(request) - sizeof(struct virtio_blk_outhdr);
}

uint64_t request_status(const struct request *request)
{
	return request_data(request) + request->out + request->in;
}

uint8_t request_result(const struct request *request)
{
	return *(uint8_t *)fake_ram(request_status(request));
}

struct request *request_new(uint32_t type, uint64_t sector, uint32_t out, uint32_t in)
{
	const struct virtio_blk_outhdr header = { .type = type, .sector = sector };
	struct request *request = calloc(1, sizeof(*request));
	uint8_t *data;
	uint32_t i;

	ck_assert_ptr_nonnull(request);
	*request = (struct request){ .type = type, .sector = sector, .out = out, .in = in };
	request->npages = 1 + (out + in + 1 + FAKE_PAGE - 1) / FAKE_PAGE;
	request->pages = gpage_alloc(request->npages);
	memcpy(fake_ram(request_header(request)), &header, sizeof(header));
	data = fake_ram(request_data(request));
	for (i = 0; i < out; i++)
		data[i] = (uint8_t)unit_random(256);
	memset(data + out, REQUEST_CANARY, in + 1);
	return request;
}

struct request *request_new_transfer(bool write, uint64_t sector, uint32_t length)
{
	return request_new(write ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN, sector, write ? length : 0,
			   write ? 0 : length);
}

void request_free(struct request *request)
{
	gpage_free(request->pages, request->npages);
	free(request);
}

/* The segments of one side of a request, while they are made. */
struct segments {
	struct gsg list[SEGMENTS_MAX];
	unsigned n;
};

/* The last segment takes what does not fit into half a chain. */
static void cut_up(struct segments *to, uint64_t gpa, uint32_t length, uint32_t cut)
{
	while (length) {
		bool last = to->n + 1 == SEGMENTS_MAX / 2;
		uint32_t piece = last || length < cut ? length : cut;

		to->list[to->n++] = (struct gsg){ gpa, piece };
		gpa += piece;
		length -= piece;
	}
}

void request_add(struct disk *disk, struct request *request, uint32_t cut)
{
	const uint32_t header = sizeof(struct virtio_blk_outhdr);
	uint64_t data = request_data(request);
	struct segments out = { .n = 0 }, in = { .n = 0 };

	if (cut == AS_LINUX) {
		cut_up(&out, request_header(request), header, UNCUT);
		cut_up(&out, data, request->out, BLK_SEGMENT_BYTES_MAX);
		cut_up(&in, data + request->out, request->in, BLK_SEGMENT_BYTES_MAX);
		cut_up(&in, request_status(request), 1, UNCUT);
	} else {
		cut_up(&out, request_header(request), header + request->out, cut);
		cut_up(&in, data + request->out, request->in + 1, cut);
	}
	ck_assert(gring_add(disk->ring, out.list, out.n, in.list, in.n, request));
}

bool requests_wait(struct disk *disk, unsigned count)
{
	struct request *request;
	uint32_t used;

	while (count) {
		gring_disable_cb(disk->ring);
		while (count && (request = gring_get(disk->ring, &used))) {
			request->done = true;
			request->used = used;
			count--;
		}
		if (count && gring_enable_cb(disk->ring) &&
		    !gvirtio_wait(&disk->v, disk->ring, 10000))
			return false;
	}
	return true;
}

uint8_t request_run(struct disk *disk, struct request *request, uint32_t cut)
{
	request_add(disk, request, cut);
	gvirtio_kick(&disk->v, disk->ring);
	ck_assert(requests_wait(disk, 1));
	ck_assert(request->done);
	return request_result(request);
}

void request_transfer(struct disk *disk, struct request *request, uint32_t cut, uint32_t used)
{
	const uint8_t *stored = disk->store.data + request->sector * BLK_SECTOR;

	ck_assert_uint_eq(request_run(disk, request, cut), VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(request->used, used);
	ck_assert_mem_eq(fake_ram(request_data(request)), stored, request->out + request->in);
	request_free(request);
}

void disk_write_then_read(struct disk *disk, uint64_t sector, uint32_t length, uint32_t cut)
{
	request_transfer(disk, request_new_transfer(true, sector, length), cut, 1);
	request_transfer(disk, request_new_transfer(false, sector, length), cut, length + 1);
}

uint8_t disk_io(struct disk *disk, uint32_t type, uint64_t sector, uint32_t out, uint32_t in)
{
	struct request *request = request_new(type, sector, out, in);
	uint8_t status = request_run(disk, request, AS_LINUX);

	request_free(request);
	return status;
}
