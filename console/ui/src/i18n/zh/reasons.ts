// What went wrong, and what to do about it, in Chinese.
export const reasons = {
  "why.too.many.deletes":
    "本次运行发现要删除 {n} 个对象，超过“每次运行的删除上限”（{most}），因此没有删除任何对象。请检查源端，或提高上限。",
  "why.empty.source":
    "源端没有对象，运行会删除 {n} 个对象，因此没有删除任何对象。请检查源端的存储桶和前缀，或只为一次运行允许删除。",
  "why.allow": "允许删除 {n} 个并运行一次…",
  "outage.title": "存储没有响应",
  "outage.title.source": "源端没有响应",
  "outage.title.destination": "目标端没有响应",
  "outage.about": "传输正在等待。存储恢复响应后会自动继续，不会丢失任何内容。",
  "failures.attention": "需要处理",
  "failures.settled": "之后已处理",
  "failures.settled.retry": "之后的重试已结束，没有失败：",
  "failures.settled.run": "之后的运行对比了两端，没有失败：",
  "task.plan": "预估",
  "plan.keys": "{what}：前几个键",
  "plan.of.destination": "目标端共 {n} 个",
  "plan.about": "列举两端，统计现在运行会做什么，不写入任何内容。",
  "plan.confirm": "预估",
  close: "关闭",
  "objects.elsewhere": "此地址不在任务的两个位置之内",
  "objects.elsewhere.about": "请选择复制它的任务，或填写不含存储桶和前缀的键。",
  "objects.unknown.maybe": "请检查拼写，区分大小写；也可能根本没有这个对象。",
  "run.older": "本次运行使用定义的第 {run} 版，任务现为第 {task} 版",
  "run.older.about":
    "它使用现在的凭证；之后修改的其他内容（如服务地址）对它不生效。如果它正因此等待，请取消后重新运行。",
  "bars.title": "运行",
  "bars.summary": "最近 {n} 次：复制 {copied}，删除 {deleted}，失败 {failed}",
  "bars.run": "{at}：复制 {copied}，删除 {deleted}，失败 {failed}，{state}，用时 {took}",
  "bars.peak": "{n} 个对象",
  "changes.show": "修改内容",
};
