/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backend.c: what backends have in common. */
#include "devices/net/backend.h"

#include "base/util.h"

void net_backend_init(struct net_backend *backend, const struct net_backend_ops *ops,
		      uint64_t features)
{
	unsigned i;

	backend->ops = ops;
	backend->features = features;
	for (i = 0; i < NET_PAIRS_MAX; i++)
		backend->ports[i] = (struct net_port){ .backend = backend, .index = i };
}

static void answer(struct loop_work *work)
{
	struct net_frame *frame = container_of(work, struct net_frame, work);

	frame->done(frame, frame->result);
}

void net_frame_answer(struct net_port *port, struct net_frame *frame, int result)
{
	frame->result = result;
	frame->work.run = answer;
	loop_post(port->loop, &frame->work);
}
