/* SPDX-License-Identifier: GPL-2.0-or-later */
/* control.c: the control queue (virtio 1.2, 5.1.6.5).
 *
 * Theory of operation. The commands of a batch are fetched by one memory_flush() on
 * the queue's worker, executed in order on main, which has the configuration space and
 * the backend, and answered by one memory_flush() on the worker again. So what a
 * command asks for is done before the driver gets it back, and its answer is what
 * became of it. Its chain is in flight until then, for which a reset waits.
 *
 * Every command is answered; an error changes nothing. Only where there is no byte for
 * the answer, or it cannot be written, is the queue broken. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "devices/net/net.h"
#include "devices/net/uso.h"
#include "virtio/chain.h"
#include "virtio/worker.h"

#define HEADER_BYTES ((uint32_t)sizeof(struct virtio_net_ctrl_hdr))
#define ACK_BYTES    1U
#define TABLE_BYTES  (4U + NET_FILTER_MACS * NET_MAC_BYTES)
#define DATA_MAX     (2 * TABLE_BYTES)
#define ANY_LENGTH   UINT32_MAX

#define GUEST_OFFLOADS                                                         \
	(BIT_ULL(VIRTIO_NET_F_GUEST_CSUM) | BIT_ULL(VIRTIO_NET_F_GUEST_TSO4) | \
	 BIT_ULL(VIRTIO_NET_F_GUEST_TSO6) | BIT_ULL(VIRTIO_NET_F_GUEST_ECN) |  \
	 BIT_ULL(VIRTIO_NET_F_GUEST_UFO) | BIT_ULL(VIRTIO_NET_F_GUEST_USO4) |  \
	 BIT_ULL(VIRTIO_NET_F_GUEST_USO6))

/* A command as the driver has sent it. Of one that is longer than any table that we
 * keep, only the front is here. */
struct command {
	struct {
		struct virtio_net_ctrl_hdr header;
		uint8_t data[DATA_MAX];
	} __attribute__((packed)) sent;
	uint32_t length; /* of all its data */
	uint8_t ack;
	int fetch_err, ack_err;
};

struct net_control {
	struct net_device *net;
	uint8_t mac[NET_MAC_BYTES]; /* the device's own */
	struct virtqueue *vq;       /* that the batch is from */
	unsigned count;             /* 0: there is none on its way */
	struct chain *chains[VIRTQUEUE_BATCH];
	struct command commands[VIRTQUEUE_BATCH];
	struct loop_work execute; /* on main */
	struct loop_work answer;  /* on the worker */
};

static uint32_t fetched_of(const struct command *command)
{
	return (uint32_t)min_u64(command->length, DATA_MAX);
}

/* ---- commands: true if it was done ----------------------------------------------- */

static bool set_mode(struct net_control *control, const struct command *command)
{
	struct net_filter *filter = &control->net->filter;
	bool *const modes[] = {
		[VIRTIO_NET_CTRL_RX_PROMISC] = &filter->promiscuous,
		[VIRTIO_NET_CTRL_RX_ALLMULTI] = &filter->all_multicast,
		[VIRTIO_NET_CTRL_RX_ALLUNI] = &filter->all_unicast,
		[VIRTIO_NET_CTRL_RX_NOMULTI] = &filter->no_multicast,
		[VIRTIO_NET_CTRL_RX_NOUNI] = &filter->no_unicast,
		[VIRTIO_NET_CTRL_RX_NOBCAST] = &filter->no_broadcast,
	};

	pthread_mutex_lock(&control->net->lock);
	*modes[command->sent.header.cmd] = command->sent.data[0];
	pthread_mutex_unlock(&control->net->lock);
	return true;
}

struct mac_list {
	uint32_t count;
	const uint8_t *macs; /* NULL: they were not fetched */
};

/* The table at *@at of the data. If not even its count was fetched, it is what there is
 * room for. False if it is longer than that. */
static bool next_table(const struct command *command, uint32_t *at, struct mac_list *list)
{
	uint32_t fetched = fetched_of(command);
	uint32_t room = command->length - *at, first = *at + sizeof(list->count);

	if (room < sizeof(list->count))
		return false;
	room = (room - sizeof(list->count)) / NET_MAC_BYTES;
	list->count = room;
	if (first <= fetched)
		memcpy(&list->count, command->sent.data + *at, sizeof(list->count));
	if (list->count > room)
		return false;
	*at = first + list->count * NET_MAC_BYTES;
	list->macs = *at <= fetched ? command->sent.data + first : NULL;
	return true;
}

static bool set_tables(struct net_control *control, const struct command *command)
{
	struct net_filter *filter = &control->net->filter;
	struct mac_list unicast, multicast;
	uint32_t at = 0;

	if (!next_table(command, &at, &unicast) || !next_table(command, &at, &multicast) ||
	    at != command->length)
		return false;
	pthread_mutex_lock(&control->net->lock);
	net_mac_table_set(&filter->unicast, unicast.macs, unicast.count);
	net_mac_table_set(&filter->multicast, multicast.macs, multicast.count);
	pthread_mutex_unlock(&control->net->lock);
	return true;
}

/* No interrupt: the driver has asked for it. */
static void config_changed(const struct net_device *net)
{
	net->device->state->config_generation++;
}

/* Not that of a group: the guest would be none of its members. */
static bool set_mac(struct net_control *control, const struct command *command)
{
	const uint8_t *mac = command->sent.data;
	struct net_device *net = control->net;

	if (mac[0] & 1)
		return false;
	pthread_mutex_lock(&net->lock);
	memcpy(net->filter.mac, mac, NET_MAC_BYTES);
	pthread_mutex_unlock(&net->lock);
	memcpy(net->config.mac, mac, NET_MAC_BYTES);
	config_changed(net);
	return true;
}

static bool set_vlan(struct net_control *control, const struct command *command)
{
	uint16_t vid;

	memcpy(&vid, command->sent.data, sizeof(vid));
	if (vid >= NET_FILTER_VLANS)
		return false;
	pthread_mutex_lock(&control->net->lock);
	net_filter_set_vlan(&control->net->filter, vid,
			    command->sent.header.cmd == VIRTIO_NET_CTRL_VLAN_ADD);
	pthread_mutex_unlock(&control->net->lock);
	return true;
}

static bool announced(struct net_control *control, const struct command *command)
{
	(void)command;
	control->net->config.status &= (uint16_t)~VIRTIO_NET_S_ANNOUNCE;
	config_changed(control->net);
	return true;
}

/* ---- who gets which frames: the last of these commands counts ---------------------- */

static int take_pairs(struct net_backend *backend, unsigned pairs)
{
	return backend->ops->set_pairs ? backend->ops->set_pairs(backend, pairs) : 0;
}

static int take_offloads(struct net_backend *backend, uint64_t features)
{
	return backend->ops->set_offloads ? backend->ops->set_offloads(backend, features) : 0;
}

static void use(struct net_device *net, const struct net_rss *rss)
{
	pthread_mutex_lock(&net->lock);
	net->rss = *rss;
	pthread_mutex_unlock(&net->lock);
}

static bool try(struct net_device *net, const struct net_rss *rss)
{
	if (!rss->pairs || rss->pairs > net->config.max_virtqueue_pairs ||
	    take_pairs(net->backend, rss->pairs))
		return false;
	use(net, rss);
	return true;
}

/* Steers by the port; what is hashed stays. */
static bool set_pairs(struct net_control *control, const struct command *command)
{
	struct net_rss rss = control->net->rss;

	memcpy(&rss.pairs, command->sent.data, sizeof(rss.pairs));
	rss.steers = false;
	return try(control->net, &rss);
}

static bool set_hash(struct net_control *control, const struct command *command)
{
	struct net_rss rss = control->net->rss;

	return net_rss_configure_hash(&rss, command->sent.data, fetched_of(command)) &&
	       try(control->net, &rss);
}

static bool receives(const struct net_device *net, uint16_t pair)
{
	return pair < net->config.max_virtqueue_pairs &&
	       net->device->state->queues[2 * pair].enabled;
}

/* Those that frames go to, and those that read the ports. */
static bool all_receive(const struct net_device *net, const struct net_rss *rss)
{
	uint16_t i;

	if (!receives(net, rss->unclassified))
		return false;
	for (i = 0; i <= rss->mask; i++)
		if (!receives(net, rss->table[i]))
			return false;
	for (i = 0; i < rss->pairs; i++)
		if (!receives(net, i))
			return false;
	return true;
}

static bool set_rss(struct net_control *control, const struct command *command)
{
	struct net_rss rss;

	return net_rss_configure(&rss, command->sent.data, fetched_of(command)) &&
	       all_receive(control->net, &rss) && try(control->net, &rss);
}

static bool set_offloads(struct net_control *control, const struct command *command)
{
	uint64_t offloads;

	memcpy(&offloads, command->sent.data, sizeof(offloads));
	if ((offloads & ~(GUEST_OFFLOADS & control->vq->features)) ||
	    take_offloads(control->net->backend, offloads))
		return false;
	control->net->offloads = offloads;
	return true;
}

/* All queues for one direction. */
static void coalesce(const struct net_device *net, bool tx)
{
	const struct net_coalescing *asked = &net->coalescing[tx];
	unsigned i, pairs = net_pairs(net, net->device->state->driver_features);

	for (i = tx; i < 2 * pairs && i < net->device->nqueues; i += 2)
		virtqueue_coalesce(&net->device->queues[i], asked->packets, asked->usecs);
}

static bool set_coalescing(struct net_control *control, const struct command *command)
{
	bool tx = command->sent.header.cmd == VIRTIO_NET_CTRL_NOTF_COAL_TX_SET;
	struct virtio_net_ctrl_coal_rx asked; /* that for sending is alike */

	memcpy(&asked, command->sent.data, sizeof(asked));
	control->net->coalescing[tx] =
		(struct net_coalescing){ asked.rx_max_packets, asked.rx_usecs };
	coalesce(control->net, tx);
	return true;
}

/* What there is a feature for that we offer. */
static const struct rule {
	uint8_t class, cmd;
	unsigned feature;
	uint32_t length; /* of the data */
	bool (*run)(struct net_control *control, const struct command *command);
} rules[] = {
	{ VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, VIRTIO_NET_F_CTRL_RX, 1, set_mode },
	{ VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_ALLMULTI, VIRTIO_NET_F_CTRL_RX, 1, set_mode },
	{ VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_ALLUNI, VIRTIO_NET_F_CTRL_RX_EXTRA, 1, set_mode },
	{ VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_NOMULTI, VIRTIO_NET_F_CTRL_RX_EXTRA, 1, set_mode },
	{ VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_NOUNI, VIRTIO_NET_F_CTRL_RX_EXTRA, 1, set_mode },
	{ VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_NOBCAST, VIRTIO_NET_F_CTRL_RX_EXTRA, 1, set_mode },
	{ VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, VIRTIO_NET_F_CTRL_RX, ANY_LENGTH,
	  set_tables },
	{ VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, VIRTIO_NET_F_CTRL_MAC_ADDR,
	  NET_MAC_BYTES, set_mac },
	{ VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_ADD, VIRTIO_NET_F_CTRL_VLAN, 2, set_vlan },
	{ VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_DEL, VIRTIO_NET_F_CTRL_VLAN, 2, set_vlan },
	{ VIRTIO_NET_CTRL_ANNOUNCE, VIRTIO_NET_CTRL_ANNOUNCE_ACK, VIRTIO_NET_F_GUEST_ANNOUNCE, 0,
	  announced },
	{ VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, VIRTIO_NET_F_MQ, 2, set_pairs },
	{ VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_RSS_CONFIG, VIRTIO_NET_F_RSS, ANY_LENGTH,
	  set_rss },
	{ VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_HASH_CONFIG, VIRTIO_NET_F_HASH_REPORT, ANY_LENGTH,
	  set_hash },
	{ VIRTIO_NET_CTRL_GUEST_OFFLOADS, VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET,
	  VIRTIO_NET_F_CTRL_GUEST_OFFLOADS, 8, set_offloads },
	{ VIRTIO_NET_CTRL_NOTF_COAL, VIRTIO_NET_CTRL_NOTF_COAL_TX_SET, VIRTIO_NET_F_NOTF_COAL,
	  sizeof(struct virtio_net_ctrl_coal_tx), set_coalescing },
	{ VIRTIO_NET_CTRL_NOTF_COAL, VIRTIO_NET_CTRL_NOTF_COAL_RX_SET, VIRTIO_NET_F_NOTF_COAL,
	  sizeof(struct virtio_net_ctrl_coal_rx), set_coalescing },
};

static const struct rule *rule_for(const struct virtio_net_ctrl_hdr *header)
{
	const struct rule *rule;

	for (rule = rules; rule < rules + ARRAY_SIZE(rules); rule++)
		if (rule->class == header->class && rule->cmd == header->cmd)
			return rule;
	return NULL;
}

static bool run(struct net_control *control, const struct command *command)
{
	const struct rule *rule;

	if (command->fetch_err)
		return false;
	rule = rule_for(&command->sent.header);
	return rule && (control->vq->features & BIT_ULL(rule->feature)) &&
	       (rule->length == ANY_LENGTH || rule->length == command->length) &&
	       rule->run(control, command);
}

/* ---- a batch ---------------------------------------------------------------------- */

static void give_back(struct net_control *control)
{
	unsigned i, count = control->count;

	control->count = 0;
	for (i = 0; i < count; i++)
		virtqueue_push(control->vq, control->chains[i], ACK_BYTES);
}

static void execute(struct loop_work *work)
{
	struct net_control *control = container_of(work, struct net_control, execute);
	unsigned i;

	for (i = 0; i < control->count; i++) {
		struct command *command = &control->commands[i];

		command->ack = run(control, command) ? VIRTIO_NET_OK : VIRTIO_NET_ERR;
	}
	net_keep(control->net);
	loop_post(control->vq->worker->loop, &control->answer);
}

/* It is the first writable byte; what some commands have behind it, none of ours has. */
static void write_acks(struct net_control *control)
{
	struct virtqueue *vq = control->vq;
	unsigned i;

	for (i = 0; i < control->count; i++)
		chain_copy(&vq->memory, control->chains[i], true, 0, ACK_BYTES,
			   &control->commands[i].ack, &control->commands[i].ack_err);
	memory_flush(&vq->memory);
	for (i = 0; i < control->count; i++)
		if (control->commands[i].ack_err)
			virtqueue_break(vq, "an ack byte that cannot be written");
}

static void answer(struct loop_work *work)
{
	struct net_control *control = container_of(work, struct net_control, answer);
	struct virtqueue *vq = control->vq;

	if (virtqueue_running(vq))
		write_acks(control);
	give_back(control);
	if (virtqueue_running(vq))
		net_control_kicked(vq);
}

static void fetch(struct virtqueue *vq, const struct chain *chain, struct command *command)
{
	command->fetch_err = command->ack_err = 0;
	if (chain->in_length < ACK_BYTES)
		virtqueue_break(vq, "a command without an ack byte");
	if (chain->out_length < HEADER_BYTES) {
		command->fetch_err = -EINVAL;
		return;
	}
	command->length = chain->out_length - HEADER_BYTES;
	chain_copy(&vq->memory, chain, false, 0,
		   (uint32_t)min_u64(chain->out_length, sizeof(command->sent)), &command->sent,
		   &command->fetch_err);
}

void net_control_kicked(struct virtqueue *vq)
{
	struct net_control *control = net_of(vq)->control;
	unsigned i;

	if (control->count)
		return; /* answer() looks for more */
	control->vq = vq;
	control->count = virtqueue_take(vq, control->chains, VIRTQUEUE_BATCH);
	if (!control->count)
		return;
	for (i = 0; i < control->count; i++)
		fetch(vq, control->chains[i], &control->commands[i]);
	memory_flush(&vq->memory);
	if (virtqueue_running(vq))
		loop_post(vq->device->loop, &control->execute);
	else
		give_back(control);
}

/* ---- life ------------------------------------------------------------------------- */

/* A driver that cannot ask for more gets everything. */
static void reset_filter(struct net_control *control, uint64_t features)
{
	struct net_device *net = control->net;

	pthread_mutex_lock(&net->lock);
	net_filter_reset(&net->filter, control->mac, features & BIT_ULL(VIRTIO_NET_F_CTRL_VLAN));
	net->filter.promiscuous = !(features & BIT_ULL(VIRTIO_NET_F_CTRL_RX));
	pthread_mutex_unlock(&net->lock);
}

void net_control_reset(struct net_device *net, uint64_t features)
{
	struct net_rss rss;

	net_rss_reset(&rss);
	use(net, &rss);
	reset_filter(net->control, features);
	memcpy(net->config.mac, net->control->mac, NET_MAC_BYTES);
	net->config.status &= (uint16_t)~VIRTIO_NET_S_ANNOUNCE;
	net->offloads = features & GUEST_OFFLOADS;
	memset(net->coalescing, 0, sizeof(net->coalescing));
	take_offloads(net->backend, net->offloads);
	take_pairs(net->backend, rss.pairs);
	net_keep(net);
}

void net_control_adopt(struct net_device *net)
{
	if (!net_kept_take(net)) {
		net_control_reset(net, net->device->state->driver_features);
		return;
	}
	memcpy(net->config.mac, net->filter.mac, NET_MAC_BYTES);
	take_offloads(net->backend, net->offloads);
	take_pairs(net->backend, net->rss.pairs);
	coalesce(net, false);
	coalesce(net, true);
}

int net_control_init(struct net_device *net)
{
	struct net_control *control = calloc(1, sizeof(*control));

	if (!control)
		return -ENOMEM;
	control->net = net;
	memcpy(control->mac, net->config.mac, NET_MAC_BYTES);
	control->execute.run = execute;
	control->answer.run = answer;
	net->control = control;
	return 0;
}

void net_control_free(struct net_control *control)
{
	free(control);
}
