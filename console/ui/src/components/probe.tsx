// What the credentials of each side may do.
import { type Answer, type ProbeResult, RIGHTS, type Side } from "../api/types";
import { type Key, t } from "../i18n";
import { explain } from "../why";
import { Icon } from "./icon";
import { Quote } from "./raw";

export function ProbeView({ probe, sides = ["source", "destination"] }: { probe: ProbeResult; sides?: Side[] }) {
  return (
    <div class="probe">
      {sides.map(
        (side) =>
          probe[side] && (
            <div key={side}>
              {sides.length > 1 && <h3>{t(`side.${side}`)}</h3>}
              <ul class="rights">
                {RIGHTS.map((right) => (
                  <Right
                    key={right}
                    side={side}
                    right={right}
                    answer={probe[side][right]}
                    silent={isSaid(probe[side], right)}
                  />
                ))}
              </ul>
            </div>
          ),
      )}
    </div>
  );
}

/** Whether nothing that was tried was refused. */
export function isAllowed(probe: ProbeResult, side: Side): boolean {
  return Boolean(probe[side]) && RIGHTS.every((right) => probe[side]?.[right]?.answer !== "no");
}

/** Whether the reason of an answer stands elsewhere: at the right to list, or at the choice of a write test. */
function isSaid(of: ProbeResult[Side], right: (typeof RIGHTS)[number]): boolean {
  const { answer, reason } = of[right] ?? {};
  return right !== "list" && answer === "not-tried" && (of.list?.answer === "no" || /write.test/.test(reason ?? ""));
}

/** `silent`: the reason is that of a right above. */
function Right({
  side,
  right,
  answer,
  silent,
}: {
  side: Side;
  right: string;
  answer: Answer | undefined;
  silent: boolean;
}) {
  // A source is neither written to nor deleted from: that it was not tried says nothing.
  if (!answer || (side === "source" && answer.answer === "not-tried" && ["write", "delete"].includes(right)))
    return null;
  const kind = answer.answer;
  const icon = kind === "yes" ? "check" : kind === "no" ? "cross" : "clock";
  return (
    <li class={kind}>
      <Icon name={icon} size={16} />
      <div>
        <strong>{t(`right.${right}` as Key)}</strong> <span>{t(`answer.${kind}`)}</span>
        {answer.reason && !silent && <Refusal answer={answer} />}
      </div>
    </li>
  );
}

function Refusal({ answer }: { answer: Answer }) {
  const reason = answer.reason ?? "";
  const { title, fix } = answer.answer === "no" ? explain(reason) : {};
  return (
    <>
      {title && <p>{title}</p>}
      {fix && <p class="remedy">{fix}</p>}
      <Quote text={answer.remedy ? `${reason}; ${answer.remedy}` : reason} />
    </>
  );
}
