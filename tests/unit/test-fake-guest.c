/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-fake-guest.c: the model guest with the daemon as its device: buffers
 * that share granted pages, and what the guest notices about its grants. Where
 * something is to be done wrong, the test itself maps the grant.
 */
#include <linux/virtio_config.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <xengnttab.h>

#include "model.h"
#include "unit/unit.h"

#define SLICE  1024u /* header, status, and a sector at 512 */
#define SLICES 4u

static struct gblk *start(void)
{
	model_start(FAKE_PVH, model_disk(NULL));
	return model_driver(&model_grants);
}

/* ---- pools ---------------------------------------------------------------------------------- */

/* Sectors 0 to 3, each by a request in its slice of the one page. */
static void read_slices(struct gblk *blk, uint64_t page)
{
	struct gring *ring = blk->v.ring[0];
	unsigned int i;

	for (i = 0; i < SLICES; i++) {
		uint64_t slice = page + (uint64_t)i * SLICE;
		struct gsg out = { slice, 16 }, in[2] = { { slice + 512, 512 }, { slice + 16, 1 } };
		struct virtio_blk_outhdr header = { .type = VIRTIO_BLK_T_IN, .sector = i };

		memset(fake_ram(slice), 0xff, SLICE);
		memcpy(fake_ram(slice), &header, sizeof(header));
		ck_assert(gring_add(ring, &out, 1, in, 2, fake_ram(slice)));
	}
	gvirtio_kick(&blk->v, ring);
}

static void check_slices(struct gblk *blk)
{
	struct gring *ring = blk->v.ring[0];
	unsigned int n = 0;
	uint8_t *slice;
	uint32_t len;

	while (n < SLICES && (gring_more(ring) || gvirtio_wait(&blk->v, ring, 5000)))
		while ((slice = gring_get(ring, &len))) {
			uint64_t sector = ((struct virtio_blk_outhdr *)slice)->sector;

			ck_assert_uint_eq(slice[16], VIRTIO_BLK_S_OK);
			ck_assert(!memcmp(slice + 512, blk->shadow + sector * 512, 512));
			n++;
		}
	ck_assert_uint_eq(n, SLICES);
}

/* The second round finds the page granted as the first has left it. */
START_TEST(requests_share_a_granted_page)
{
	struct gblk *blk = start();
	struct gdma *dma = &blk->v.dma;
	uint64_t page = gdma_pool_alloc(dma, 1);
	unsigned int round, grants = dma->grants;

	for (round = 0; round < 2; round++) {
		read_slices(blk, page);
		check_slices(blk);
		ck_assert_uint_eq(dma->grants, grants);
	}
	gdma_pool_free(dma);
	ck_assert_uint_eq(dma->grants, grants - 1);
	gblk_remove(blk);
	ck_assert_uint_eq(dma->grants, 0);
}
END_TEST

START_TEST(a_pool_freed_while_it_is_mapped_is_noticed)
{
	struct gblk *blk = start();
	xengnttab_handle *xgt = xengnttab_open(NULL, 0);
	void *va;

	gdma_pool_alloc(&blk->v.dma, 2);
	va = xengnttab_map_grant_ref(xgt, FAKE_DOMID, gdma_ref(blk->v.dma.pool_addr) + 1,
				     PROT_READ);
	gdma_pool_free(&blk->v.dma);
	ck_assert(fake_expect_violation("still in use by backend domain"));
	xengnttab_unmap(xgt, va, 1);
	xengnttab_close(xgt);
}
END_TEST

/* ---- resets --------------------------------------------------------------------------------- */

START_TEST(a_grant_mapped_after_the_reset_is_noticed)
{
	struct gblk *blk = start();
	xengnttab_handle *xgt = xengnttab_open(NULL, 0);
	void *va =
		xengnttab_map_grant_ref(xgt, FAKE_DOMID, gdma_ref(blk->v.ring[0]->addr), PROT_READ);

	ck_assert_int_ge(gvirtio_reset(&blk->v), 0);
	ck_assert(fake_expect_violation("is still mapped after the reset"));
	ck_assert(fake_expect_violation("1 grant maps are still open after the reset"));
	ck_assert_uint_eq(fake_violations(), 0);
	xengnttab_unmap(xgt, va, 1);
	xengnttab_close(xgt);
	gblk_remove(blk);
}
END_TEST

/* What others have given may stay mapped. */
START_TEST(a_reset_leaves_the_grants_of_others)
{
	static const char page[] = "other";
	struct gblk *blk = start();
	struct gdma other = { .kind = GDMA_GRANTS };
	xengnttab_handle *xgt = xengnttab_open(NULL, 0);
	uint64_t addr, gpa = gdma_alloc(&other, 1, &addr);
	char *va = xengnttab_map_grant_ref(xgt, FAKE_DOMID, gdma_ref(addr), PROT_READ);

	memcpy(fake_ram(gpa), page, sizeof(page));
	gblk_remove(blk);
	ck_assert_str_eq(va, page);
	ck_assert_uint_eq(fake_maps(), 1);
	xengnttab_unmap(xgt, va, 1);
	xengnttab_close(xgt);
	gdma_free(&other, gpa, 1, addr);
}
END_TEST

int main(void)
{
	const struct unit_test tests[] = {
		ONCE(requests_share_a_granted_page),
		ONCE(a_pool_freed_while_it_is_mapped_is_noticed),
		ONCE(a_grant_mapped_after_the_reset_is_noticed),
		ONCE(a_reset_leaves_the_grants_of_others),
	};

	return unit_main("fake-guest", model_setup, model_teardown, tests, ARRAY_SIZE(tests));
}
