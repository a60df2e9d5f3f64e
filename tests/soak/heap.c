/* Preloaded into a process, writes what glibc's allocator says of it every 10 seconds.
 *
 * SOAK_HEAP names the file. A line is: seconds since 1970, and arena, uordblks, fordblks, hblkhd and
 * keepcost of mallinfo2, in bytes.
 */
#define _GNU_SOURCE
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static void *run(void *path)
{
	FILE *out = fopen(path, "w");
	if (!out)
		return NULL;
	for (;;) {
		struct mallinfo2 info = mallinfo2();
		fprintf(out, "%ld %zu %zu %zu %zu %zu\n", (long)time(NULL), info.arena, info.uordblks, info.fordblks,
			info.hblkhd, info.keepcost);
		fflush(out);
		sleep(10);
	}
}

__attribute__((constructor)) static void start(void)
{
	char *path = getenv("SOAK_HEAP");
	pthread_t thread;
	if (path && pthread_create(&thread, NULL, run, path) == 0)
		pthread_detach(thread);
}
