// The pages by their addresses. Each address can be kept and shared.
import { LocationProvider, Route, Router } from "preact-iso/router";
import { session } from "./api/session";
import { Skeleton } from "./components/states";
import { Frame } from "./frame";
import { ChangesPage } from "./pages/changes";
import { CredentialsPage } from "./pages/credentials";
import { FailuresPage } from "./pages/failures";
import { ClonePage, EditPage, NewPage } from "./pages/form";
import { MachinesPage } from "./pages/machines";
import { NotFound } from "./pages/not-found";
import { ObjectsPage } from "./pages/objects";
import { RunPage } from "./pages/run";
import { SettingsPage } from "./pages/settings";
import { SignIn } from "./pages/sign-in";
import { TaskPage } from "./pages/task";
import { TasksPage } from "./pages/tasks";

export function App() {
  const { state } = session.value;
  if (state === "starting")
    return (
      <div class="starting">
        <Skeleton />
      </div>
    );
  if (state === "out") return <SignIn />;
  return (
    <LocationProvider>
      <Frame>
        <Router>
          <Route path="/" component={TasksPage} />
          <Route path="/tasks" component={TasksPage} />
          <Route path="/new" component={NewPage} />
          <Route path="/tasks/:task" component={TaskPage} />
          <Route path="/tasks/:task/edit" component={EditPage} />
          <Route path="/tasks/:task/clone" component={ClonePage} />
          <Route path="/runs/:run" component={RunPage} />
          <Route path="/failures" component={FailuresPage} />
          <Route path="/objects" component={ObjectsPage} />
          <Route path="/machines" component={MachinesPage} />
          <Route path="/credentials" component={CredentialsPage} />
          <Route path="/changes" component={ChangesPage} />
          <Route path="/settings" component={SettingsPage} />
          <Route default component={NotFound} />
        </Router>
      </Frame>
    </LocationProvider>
  );
}
