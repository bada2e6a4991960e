// What the two garbage collectors of the gallery, pg_gc and pg_gen, have in common: what an object is,
// where the roots are, and a mutator that makes garbage.
//
// The mutator has a binary tree, whose subtrees it replaces, and a graph, whose nodes and edges it
// changes; beside them it builds trees that nobody keeps.  Most changes fall into a part of both
// that moves on, as in programs that work on one thing at a time.  What it computes does not depend
// on where objects are, so its checksum is the same under each collector, and under none.
//
// A pointer that must survive make() is in the stack of roots: make() may collect, and what has
// moved is found there.  Objects move at no other time that the mutator could see.

#ifndef FAULTLINE_USER_HEAP_H
#define FAULTLINE_USER_HEAP_H

#include "user/gallery.h"

struct Object {
	uint32_t header; // 1 + 2 * the number of its pointers; or, when it has moved, where to
	uint32_t value;
	struct Object *pointer[];
};

// The collector's: a new object with n pointers, all NULL; and whether the mutator may see p.
static struct Object *make(uint32_t value, unsigned n);
static bool visible(const struct Object *p);

static struct Object *roots[128];
static unsigned nroots;
static uint64_t followed; // pointers that the mutator has read

static inline unsigned
pointers(const struct Object *o)
{
	return o->header >> 1;
}

static inline uint32_t
size_of(const struct Object *o)
{
	return sizeof *o + pointers(o) * sizeof o->pointer[0];
}

static void
push(struct Object *o)
{
	CHECK(nroots < sizeof roots / sizeof roots[0]);
	roots[nroots++] = o;
}

static struct Object *
pop(void)
{
	return roots[--nroots];
}

// Read a pointer: all that the mutator does goes through here, so no pointer that it should not
// see stays unnoticed.
static struct Object *
follow(const struct Object *o, unsigned i)
{
	struct Object *p = o->pointer[i];

	CHECK(!p || visible(p));
	followed++;
	return p;
}

enum {
	DEPTH = 14,   // of the tree
	TWIG = 3,     // of a subtree that is replaced
	CHAFF = 6,    // of a tree that nobody keeps
	HOT_BITS = 5, // changes fall into one of 1 << HOT_BITS parts,
	PHASE = 128,  // for so many steps
	ROW = 32,     // nodes of the graph: ROW rows of them
	NODES = ROW * ROW,
	EDGES = 4,
	STEPS = 5000,
};

// The first two roots.
enum { TREE, GRAPH };

static struct Object *
build(unsigned depth, uint32_t value)
{
	struct Object *o;

	if (depth == 0)
		return make(value, 0);
	push(build(depth - 1, 2 * value));
	push(build(depth - 1, 2 * value + 1));
	o = make(value, 2);
	o->pointer[1] = pop();
	o->pointer[0] = pop();
	return o;
}

static uint32_t
sum_tree(const struct Object *o)
{
	uint32_t sum = o->value;

	for (unsigned i = 0; i < pointers(o); i++)
		sum = 31 * sum + sum_tree(follow(o, i));
	return sum;
}

static struct Object *
row_of(uint32_t node)
{
	return follow(roots[GRAPH], node / ROW);
}

static struct Object *
node_at(uint32_t node)
{
	return follow(row_of(node), node % ROW);
}

static uint32_t
sum_graph(void)
{
	uint32_t sum = 0;

	for (uint32_t n = 0; n < NODES; n++) {
		const struct Object *o = node_at(n);

		sum = 31 * sum + o->value;
		for (unsigned i = 0; i < EDGES; i++) {
			const struct Object *other = follow(o, i);
			sum = 31 * sum + (other ? other->value : 0);
		}
	}
	return sum;
}

// A new twig in the place of an old one.  The low bits of path choose near the root.
static void
replace_twig(uint32_t path, uint32_t value)
{
	struct Object *o, *twig = build(TWIG, value);

	o = roots[TREE];
	for (unsigned depth = DEPTH; depth > TWIG + 1; depth--, path >>= 1)
		o = follow(o, path & 1);
	o->pointer[path & 1] = twig;
}

// A new node in the place of an old one, with edges to others.  The old one loses its own: it may
// be known to many, but holds nobody back.
static void
replace_node(uint32_t n, uint32_t random)
{
	struct Object *node = make(random, EDGES), *old = node_at(n);

	for (unsigned i = 0; i < EDGES; i++, random >>= 5) {
		struct Object *other = node_at((n + random) % NODES);

		node->value += 3 * other->value;
		node->pointer[i] = other;
		old->pointer[i] = NULL;
	}
	row_of(n)->pointer[n % ROW] = node;
}

static void
plant(void)
{
	nroots = 0;
	push(build(DEPTH, 1));
	push(make(0, ROW));
	for (uint32_t n = 0; n < NODES; n++) {
		struct Object *o;

		if (n % ROW == 0) {
			o = make(n, ROW);
			roots[GRAPH]->pointer[n / ROW] = o;
		}
		o = make(n, EDGES);
		row_of(n)->pointer[n % ROW] = o;
	}
}

// Run the mutator.  Returns the checksum of all it has built.
static uint32_t
mutate(void)
{
	const uint32_t part = (1 << HOT_BITS) - 1;
	uint32_t seed = 2463534242u, sum = 0;

	plant();
	for (uint32_t step = 0; step < STEPS; step++) {
		uint32_t random = xorshift(&seed), hot = step / PHASE * 7 & part;

		if (random >> 28 == 0) // now and then somewhere else
			hot = random >> 20 & part;
		replace_twig((random & ~part) | hot, random);
		replace_node(hot * (NODES >> HOT_BITS) + random % (NODES >> HOT_BITS), random);
		sum += sum_tree(build(CHAFF, random));
	}
	return 31 * (31 * sum + sum_tree(roots[TREE])) + sum_graph();
}

// The least of some times that probe() finds: others may have used the CPU in one of them.
static uint64_t
least(uint64_t (*probe)(void))
{
	uint64_t time = probe();

	for (int i = 0; i < 8; i++) {
		uint64_t again = probe();
		if (time > again)
			time = again;
	}
	return time;
}

#endif
