"""Replies to "Did this solve it?", as customers write them: yes, no, and what is neither."""

YES = """
1
１
1.
(1)
1!
①
1️⃣
一
按1
1 谢谢
1，解决了
回复1
yes
Yes!
yep
yup
yeah, thanks
ok
OK thanks
okay
sure, it did
solved
Solved, thank you
it's solved
that's fixed now
it works
It works now, thanks
works now
working again
yes it worked
that helped, thank you
thanks, that worked perfectly
all good now
got it, it's working
it arrived
The money is here now
problem solved
it's ok now
great, thanks!
👍
👌
👍👍
🙏👍
✅
yes 👍
好
好的
好的，谢谢
好了
好了，谢谢
好啦
可以了
可以了，谢谢
可以
行了
搞定
搞定了
解决了
解決了
已解决
已經解決了，謝謝
已经可以了
问题解决了
問題解決了
嗯，好了
嗯嗯
对
是的
是
能用了
能登录了
登上去了
登进去了
收到了
到账了
到帳了
錢到了
钱收到了
已经到账了，谢谢
成功了
没问题了
沒問題了
没事了
不用了，已经好了
现在好了
弄好了
恢复正常了
有用，谢谢
解决啦
ok了
OK啦
好滴
谢谢，已经解决
thanks it's sorted
resolved
fixed it
can log in now
I can pay now
""".strip().splitlines()

NO = """
2
２
2.
(2)
②
2️⃣
二
按2
2，没解决
2 still not working
回复2
no
No.
nope
nah
not yet
not really
no, it didn't
not solved
not yet solved but thanks
still not solved
unsolved
didn't help
That did not help at all
doesn't work
It still doesn't work, I tried everything
still can't log in
still the same error
same problem
no luck
it is not fixed
this isn't working
not working
doesnt work
did'nt work
didnt help
no change
no difference
nothing happened
money still missing
still hasn't arrived
it has not arrived
hasn't come yet
I still have the problem
the problem is still there
useless
no, I need help
No, neither of them works
no. please look into it
没有，请帮我查一下
yes but it still fails
ok but still not working
thanks but no
I tried that already
👎
👎👎
❌
no 👎
没有
沒有
没
没有解决
没解决
沒解決
還沒解決
还没解决
未解决
没用
没用啊
沒用
没有用
不行
还是不行
還是不行
还不行
依然不行
仍然不行
不可以
不能用
还是登不上
還是登不進去
还是收不到
还没到账
還沒到帳
没到账
沒到帳
没收到
還沒收到
钱还没到
好的但是还没到
好的，但是还没收到
谢谢，不过还是不行
否
不是
不对
不好使
没好
还没好
沒有好
没有效果
没效果
没变化
还是一样
還是一樣
还是老样子
还是这样
一样的问题
试过了没用
都试过了
都試過了，不行
没帮助
答非所问
还是失败
又失败了
还是报错
解决不了
搞不定
没搞定
不管用
没反应
一直不行
没成功
不成功
并没有
问题还在
""".strip().splitlines()

NEITHER = """
2 days have passed
2 new phones, can I add a card
1 more question
1 hour ago
2天了
2个手机都能用吗
1000元
12
3
10分钟
100 yuan
2026
where is the record
how do I do that?
what do you mean?
who are you
now what
怎么看记录？
在哪里看记录
什么意思
你是谁
好的，请问怎么修改手机号
解决了吗？
这样可以吗
可以退款吗
yes or no?
is it solved?
did you solve it?
can I pay now?
请稍等，我试试
我先试试
说好了24小时到账的
收到了，但是金额不对
I got the code but which page
thanks, but one more thing
我试一下
I will try
let me try
trying now
ok I will try it now
稍等
等一下
one moment
明天再试
我晚点看看
好的我试试
嗯我看看
ok let me check
...
？
?
😭
hello
你好
在吗
另外请问忘记密码怎么办
I also forgot my password
""".strip().splitlines()
