/* Stack growth: the stack's mapping reaches down to where the program touches it, as far as its
 * limit allows. */

static int far_below(void)
{
	volatile char frame[300 * 1024];
	frame[0] = 1; /* fault: below the mapping, so that grows */
	return frame[0];
}

int main(void)
{
	return far_below() == 1 ? 0 : 1;
}
