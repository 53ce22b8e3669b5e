/*
 * Workloads for `make bench-malloc`: one of them by name, through whatever malloc() is preloaded.
 */
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <list>
#include <map>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

static inline uint32_t rnd(uint64_t &s)
{
	s = s * 6364136223846793005u + 1442695040888963407u;
	return s >> 33;
}

static void *touch(void *p, size_t n)
{
	memset(p, 1, n);
	return p;
}

/* One block at a time, and a handful. */
static void tiny()
{
	void *p[16];

	for (int i = 0; i < 6000000; i++) {
		p[i % 16] = malloc(16 + i % 8 * 8);
		if (i % 16 == 15)
			for (auto q : p)
				free(q);
	}
}

/* Random slots of random small sizes, handed from thread to thread. */
static void larson()
{
	enum { N = 4000, THREADS = 4 };
	static void *slot[THREADS][N];

	for (int round = 0; round < 5; round++) {
		std::vector<std::thread> t;

		for (int k = 0; k < THREADS; k++)
			t.emplace_back([k, round] {
				uint64_t s = k * 100 + round;
				void **mine = slot[(k + round) % THREADS];

				for (int i = 0; i < 300000; i++) {
					void *&p = mine[rnd(s) % N];
					size_t n = 8 + rnd(s) % 500;

					free(p);
					p = touch(malloc(n), n < 64 ? n : 64);
				}
			});
		for (auto &x : t)
			x.join();
	}
}

/* Many lifetimes of small sizes: fill, free some, fill again. */
static void sh6()
{
	static void *p[50000];
	uint64_t s = 1;

	for (int round = 0; round < 40; round++) {
		for (auto &q : p)
			if (!q)
				q = touch(malloc(1 + rnd(s) % (round % 8 ? 120 : 1000)), 1);
		for (auto &q : p)
			if (rnd(s) % 3) {
				free(q);
				q = nullptr;
			}
	}
}

/* One side allocates, the other frees. */
static void xmalloc()
{
	enum { N = 1024 };
	static std::atomic<void *> ring[2][N];
	std::vector<std::thread> t;

	for (int k = 0; k < 2; k++) {
		t.emplace_back([k] {
			uint64_t s = k;
			for (int i = 0; i < 1500000; i++) {
				void *p = malloc(16 + rnd(s) % 256);
				*(char *)p = 1;
				while (ring[k][i % N].load(std::memory_order_acquire))
					std::this_thread::yield();
				ring[k][i % N].store(p, std::memory_order_release);
			}
		});
		t.emplace_back([k] {
			for (int i = 0; i < 1500000; i++) {
				void *p;
				while (!(p = ring[k][i % N].load(std::memory_order_acquire)))
					std::this_thread::yield();
				ring[k][i % N].store(nullptr, std::memory_order_release);
				free(p);
			}
		});
	}
	for (auto &x : t)
		x.join();
}

/* Blocks of 64 KiB to 2 MiB come and go. */
static void large()
{
	void *p[32] = {};
	uint64_t s = 3;

	for (int i = 0; i < 60000; i++) {
		size_t n = (64 << 10) + rnd(s) % (2 << 20);
		void *&q = p[rnd(s) % 32];

		free(q);
		q = malloc(n);
		for (size_t k = 0; k < n; k += 65536)
			((char *)q)[k] = 1;
	}
}

/* Arrays that grow by realloc, some to 8 MiB. */
static void grow()
{
	for (int round = 0; round < 300; round++) {
		size_t max = round % 10 ? 200000 : 8 << 20;
		char *a = nullptr, *b = nullptr;

		for (size_t n = 100; n < max; n += n / 4) {
			a = (char *)realloc(a, n);
			b = (char *)realloc(b, n / 2);
			a[n - 1] = b[n / 2 - 1] = 1;
		}
		free(a);
		free(b);
	}
}

/* Sizes change over the life of the program: what phases leave behind must be used again. */
static void aging()
{
	std::vector<char *> live;
	uint64_t s = 9;

	for (int phase = 0; phase < 12; phase++) {
		size_t base = 24 << phase % 6;

		for (int i = 0; i < 120000 >> phase % 6; i++)
			live.push_back((char *)touch(malloc(base + rnd(s) % base), 16));
		for (size_t i = 0; i < live.size(); i++)
			if (rnd(s) % 10 < 7) {
				free(live[i]);
				live[i] = live.back();
				live.pop_back();
			}
	}
}

static void containers()
{
	for (int round = 0; round < 4; round++) {
		std::map<int, std::string> m;
		std::unordered_map<std::string, std::vector<int>> u;
		std::list<std::string> l;
		uint64_t s = round;

		for (int i = 0; i < 100000; i++) {
			std::string key = "key number " + std::to_string(rnd(s) % 20000);

			m[rnd(s) % 50000] = key + " and a tail that is long enough";
			u[key].push_back(i);
			l.push_back(key);
			if (i % 3 == 0)
				l.pop_front();
		}
	}
}

struct node {
	node *left, *right;
};

static node *tree(int depth)
{
	node *n = (node *)malloc(sizeof(node));

	n->left = depth ? tree(depth - 1) : nullptr;
	n->right = depth ? tree(depth - 1) : nullptr;
	return n;
}

static void chop(node *n)
{
	if (!n)
		return;
	chop(n->left);
	chop(n->right);
	free(n);
}

static void trees()
{
	for (int i = 0; i < 60; i++)
		chop(tree(15));
	chop(tree(20));
}

/* Everything is kept until the end. */
static void keep()
{
	uint64_t s = 5;

	for (int i = 0; i < 1500000; i++)
		touch(malloc(8 + rnd(s) % 100), 8);
}

static void tables()
{
	for (int i = 0; i < 3000; i++) {
		char *p = (char *)calloc(1, 40000 + i * 16), *q = (char *)calloc(100, 8);

		p[i] = 1;
		free(q);
		free(p);
	}
}

/* Four threads; most blocks are tiny, a few up to 32 KiB. */
static void skewed()
{
	std::vector<std::thread> t;

	for (int k = 0; k < 4; k++)
		t.emplace_back([k] {
			std::vector<void *> slot(1024);
			uint64_t s = k;

			for (int i = 0; i < 1000000; i++) {
				void *&p = slot[rnd(s) % slot.size()];
				double part = (rnd(s) % 1000000 + 1) / 1e6;

				free(p);
				p = touch(malloc(1 / (part / 4 + (1 - part) / 32768)), 1);
			}
			for (auto p : slot)
				free(p);
		});
	for (auto &x : t)
		x.join();
}

/* One size after the other: what the last one left must not stay. */
static void sets()
{
	uint64_t s = 3;

	for (int round = 0; round < 2000; round++) {
		size_t n = 8 * (1 + round % 40);
		void *set[400];

		for (auto &p : set)
			p = touch(malloc(n), 8);
		for (int i = 0; i < 2000; i++) {
			void *&p = set[rnd(s) % 400];

			free(p);
			p = touch(malloc(n), 8);
		}
		for (auto p : set)
			free(p);
	}
}

/* Sizes grow slowly while blocks of all ages live. */
static void drift()
{
	std::vector<void *> live;
	uint64_t s = 3;

	for (int round = 0; round < 60; round++) {
		for (int i = 0; i < 8000; i++) {
			size_t n = 64 + round * 24 + rnd(s) % 64;

			live.push_back(touch(malloc(n), n));
		}
		for (int i = 0; i < 7500; i++) {
			size_t k = rnd(s) % live.size();

			free(live[k]);
			live[k] = live.back();
			live.pop_back();
		}
	}
}

/* Few blocks, of all sizes: each class has about four. */
static void mix()
{
	static void *slot[300];
	uint64_t s = 13;

	for (int i = 0; i < 2000000; i++) {
		void *&p = slot[rnd(s) % 300];
		size_t power = (size_t)8 << rnd(s) % 12;

		free(p);
		p = touch(malloc(power + rnd(s) % power), 1);
	}
}

/* Blocks of 5 to 25 MiB come and go, each page written. */
static void huge()
{
	void *p[20] = {};
	uint64_t s = 4;

	for (int i = 0; i < 400; i++) {
		size_t n = (5 << 20) + rnd(s) % (20 << 20);
		void *&q = p[rnd(s) % 20];

		free(q);
		q = malloc(n);
		for (size_t k = 0; k < n; k += 4096)
			((char *)q)[k] = 1;
	}
}

static const struct {
	const char *name;
	void (*run)();
} all[] = {{"tiny", tiny}, {"larson", larson}, {"sh6", sh6}, {"xmalloc", xmalloc}, {"large", large},
	{"grow", grow}, {"aging", aging}, {"containers", containers}, {"trees", trees},
	{"keep", keep}, {"tables", tables}, {"skewed", skewed}, {"sets", sets}, {"drift", drift},
	{"mix", mix}, {"huge", huge}};

int main(int argc, char **argv)
{
	for (auto &w : all)
		if (argc > 1 && !strcmp(argv[1], w.name)) {
			w.run();
			return 0;
		}
	for (auto &w : all)
		puts(w.name);
	return argc > 1;
}
